import type { RunResult } from '../effects/runner.ts';
import type { DataStream, StreamKind } from '../transfer/stream.ts';
import { type CarryOptions, carry } from './carry.ts';
import { type RsyncRequest, senderCommand, streamIndex } from './rsync.ts';
import { askVerdict } from './verdict.ts';

/** Where the passes through a tree go. */
export interface PassPeer {
  /** What was brought there so far. */
  readonly bytes: number;
  /** One rsync. @throws GodwitError TRANSFER_FAILED; the signal's reason */
  run(request: RsyncRequest, of: { readonly pass: number; readonly listFile: string }): Promise<RunResult>;
  /**
   * Once `sent` has resolved: everything there is on its disk, and this is the first difference from the listing; empty when
   * there is none. @throws GodwitError TRANSFER_FAILED, HOST_FAILED; the signal's reason
   */
  compare(listing: Buffer, sent: Promise<unknown>): Promise<string>;
}

export interface FarOptions extends CarryOptions {
  readonly open: (kind: StreamKind, index: number) => Promise<DataStream>;
  /** Which of the trees that move it is, for the numbers of its streams. */
  readonly tree: number;
}

/** The target of a move. */
export function farPeer({ open, tree, ...options }: FarOptions): PassPeer {
  const { meter, signal } = options;
  return {
    get bytes() {
      return meter.bytes;
    },
    run: async (request, { pass, listFile }) => {
      const stream = await open('rootfs', streamIndex(tree, pass, request.part));
      return carry(senderCommand(request, listFile), stream, options);
    },
    // The list crosses beside the files, and ends after them: then the target compares.
    compare: async (listing, after) =>
      askVerdict({ stream: await open('listing', tree), listing, after, meter, signal }),
  };
}
