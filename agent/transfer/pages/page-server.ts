import type { Clock } from '../../effects/clock.ts';
import type { TransferLog } from '../failure.ts';
import type { DataStream } from '../stream.ts';
import type { FirstPage } from './first-pages.ts';
import type { WireFormat } from './wire.ts';

export interface PageServerOptions {
  /** How this node's criu writes the header of its page-server protocol. */
  readonly wire: WireFormat;
  /**
   * Image directories of the pre-dump rounds, oldest first, complete: they are read when the server is opened. None: pages
   * from the source are forgotten when they were handed out, so that the memory is not here twice.
   */
  readonly rounds: readonly string[];
  /**
   * Opens a stream to the source's page service (page-service.ts), first in `begin` and again whenever one breaks, for as
   * long as the source does not say itself that the pages are gone. Not given when the final dump has brought everything
   * (pre-copy): then all pages are local.
   */
  readonly upstream?: (signal: AbortSignal) => Promise<DataStream>;
  /** Told once which pages the tasks waited for first. */
  readonly firstWaits?: (pages: readonly FirstPage[]) => void;
  readonly clock: Clock;
  /** Ends everything at once, the daemon's socket included. */
  readonly signal: AbortSignal;
  readonly log?: TransferLog;
  /**
   * Awaited before the daemon's socket is closed for any other reason than its own goodbye (or the signal). While it
   * waits, and for ever if it rejects, the daemon sees only silence: tasks that touch a missing page wait, pages that are
   * here are still handed out.
   */
  readonly beforeClose?: (error: unknown) => Promise<void>;
}

/** What `begin` found and made; numbers of 4 KiB pages where it says pages. */
export interface PageServerReport {
  /** Processes with memory. */
  readonly processes: number;
  /** Pagemap entries of the final images before and after. */
  readonly entriesBefore: number;
  readonly entriesAfter: number;
  /** Loaded by the restore itself, before the tasks run. */
  readonly eagerPages: number;
  /** Handed out from this node's rounds and final images. */
  readonly localPages: number;
  /** Fetched from the source. */
  readonly remotePages: number;
}

/** How the pages came that the source still had. */
export interface PageServerReceived {
  readonly bytes: number;
  /** From `begin` until the source was not needed any more. */
  readonly ms: number;
}

/** A look at a page server at work. Bytes of pages, headers not counted. */
export interface PageServerProgress {
  /** To come from the source in all (0 before `begin`), and come so far. */
  readonly remoteBytes: number;
  readonly receivedBytes: number;
  /** Handed to the daemon, and in how many answers. */
  readonly servedBytes: number;
  readonly answers: number;
  /** Requests of the daemon that had to wait for the source, and the longest such wait so far. */
  readonly waits: number;
  readonly longestWaitMs: number;
  /** There is a connection to the source now. */
  readonly linked: boolean;
}

/**
 * The target's end of a move whose pages follow: a page server for the local `criu lazy-pages --page-server --address 127.0.0.1
 * --port P`, which hands out clean pages from the rounds and fetches the others from the source
 * (protocol/adr/0006-page-server.md).
 */
export interface PageServer {
  /** On 127.0.0.1, for exactly one daemon. */
  readonly port: number;
  /**
   * To be called once, when the final images are complete in `dir` and before restore or daemon read them: makes lazy
   * what may be, in place, and starts to fetch. `dir` and the rounds must be on one file system and stay until `done`.
   * @throws GodwitError TRANSFER_FAILED when the images do not fit together; `dir` is then of no use
   */
  begin(dir: string): Promise<PageServerReport>;
  /**
   * The source is not needed any more: every page is on this node, without rounds in its process. Rejects:
   * TRANSFER_FAILED, RESTORE_FAILED when the daemon went away without a word, or the signal's reason.
   */
  readonly received: Promise<PageServerReceived>;
  /**
   * The daemon has said goodbye, which it does when it has every page and also when it has failed: its exit code tells.
   * Rejects: TRANSFER_FAILED, RESTORE_FAILED (both after `beforeClose`) or the signal's reason.
   */
  readonly done: Promise<PageServerProgress>;
  readonly progress: PageServerProgress;
  /** Closes the sockets, the stream and the files; the promises above reject if they are not settled yet. */
  close(): Promise<void>;
}
