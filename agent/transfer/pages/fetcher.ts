import type { Clock } from '../../effects/clock.ts';
import { isGoneForGood, problemOf, type TransferLog } from '../failure.ts';
import type { DataStream } from '../stream.ts';
import { Calm } from './calm.ts';
import type { RemotePages, RemoteRun } from './remote-pages.ts';
import { Settled } from './settled.ts';
import { SourceConnection } from './source-connection.ts';

/**
 * Asked for in the background: one request, and all that are under way. The source answers in order, so a task that waits
 * stands behind them: with each such page the window is small again, and it grows with each answer that nobody waited for.
 */
const AHEAD_PAGES = 64;
const AHEAD_WINDOW_PAGES = 192;
const AHEAD_STEP_PAGES = 16;
/** Asked for at once when somebody waits, to both sides: what lies next to it is likely to be needed too. */
const WANTED_PAGES = 64;
/** Then up to so many more may be under way. */
const WANTED_WINDOW_PAGES = 2 * AHEAD_WINDOW_PAGES;
/**
 * Asked for while the tasks are being built: stacks, and what else a program has in small pieces, is what it touches first
 * when it runs again, and until then nobody waits for the way there.
 */
const EARLY = { rangePages: 64, pages: 2_048 } as const;
/** Pages that nobody has taken yet stop what is fetched ahead, where they are not kept anyway. */
const WAITING_PAGES = 16_384;
/** Between two attempts to reach the source: it comes back when it comes back. */
const REDIAL_MS = { first: 100, longest: 1_000 } as const;

export interface FetcherOptions {
  /** Opens a connection to the source's page service; called again whenever one breaks. */
  readonly dial: (signal: AbortSignal) => Promise<DataStream>;
  readonly pages: RemotePages;
  /** All pages are to be fetched, whether somebody takes them or not. */
  readonly eager: boolean;
  readonly clock: Clock;
  /** Some pages more are here. */
  readonly arrived: () => void;
  /** There is, or is no more, a connection to the source. */
  readonly linked?: (up: boolean) => void;
  readonly log?: TransferLog;
}

/**
 * Fetches the pages that the source still has, the wanted ones first. A connection that breaks is made again, for as
 * long as it takes, and what was not answered is asked for again: only the source itself can say that they are gone.
 */
export class Fetcher {
  /** Every page is here; with pages that are forgotten it may begin anew. Rejects when the pages are gone: TRANSFER_FAILED. */
  readonly done: Promise<void>;
  private readonly options: FetcherOptions;
  /** Pages that somebody waits for. */
  private readonly wanted = new Set<number>();
  private readonly settled = new Settled<void>();
  private readonly stopping = new AbortController();
  private connection: SourceConnection | undefined;
  /** What is asked for early, and was not yet over the present connection. */
  private early: Iterator<RemoteRun> | undefined;
  private aheadWindow: number;
  private readonly calm: Calm;

  constructor(options: FetcherOptions) {
    this.options = options;
    this.calm = new Calm(options.clock, () => this.pump());
    // Until somebody asks, a restore needs the processors more.
    this.aheadWindow = options.eager ? AHEAD_WINDOW_PAGES : 0;
    this.done = this.settled.promise;
    this.run().catch((error: unknown) => this.settled.reject(error));
  }

  /** Fetches these pages before all that nobody waits for. */
  want(index: number, pages: number): void {
    this.wanted.add(index);
    if (pages > 1) this.options.pages.continueAt(index + pages);
    if (pages === 1 || this.aheadWindow === 0) this.aheadWindow = AHEAD_STEP_PAGES;
    // With rounds before it what is left is little, and written lately: it is likely to be next.
    if (pages === 1 && !this.options.eager) this.calm.keep();
    this.pump();
  }

  /** Asks for what may be asked for now. */
  pump(): void {
    const { pages, eager } = this.options;
    if (pages.complete) this.settled.resolve();
    const { connection } = this;
    if (!connection) return;
    for (const index of this.wanted) {
      if (pages.hereFrom(index, 1) === 1) this.wanted.delete(index);
      else if (pages.isMissing(index) && connection.askedPages < WANTED_WINDOW_PAGES)
        this.askAround(connection, index);
    }
    if (this.wanted.size > 0) return;
    this.askEarly(connection);
    if (this.calm.holds()) return;
    while (connection.askedPages < this.aheadWindow && (eager || pages.waiting < WAITING_PAGES)) {
      const run = pages.claimNext(Math.min(AHEAD_PAGES, this.aheadWindow));
      if (run === undefined) break;
      connection.ask(run);
    }
  }

  private askAround(connection: SourceConnection, index: number): void {
    const { pages } = this.options;
    connection.ask(pages.claim(index, WANTED_PAGES));
    const before = pages.claimBefore(index, WANTED_PAGES);
    if (before.pages > 0) connection.ask(before);
  }

  /** Not all of it at once: whoever comes to wait stands behind it. Once somebody has, it is fetched like the rest. */
  private askEarly(connection: SourceConnection): void {
    const { pages } = this.options;
    const window = this.aheadWindow || AHEAD_WINDOW_PAGES;
    while (connection.askedPages < window) {
      const next = this.early?.next();
      if (!next || next.done) return;
      const { index, pages: count } = next.value;
      if (pages.isUnasked(index)) connection.ask(pages.claim(index, count));
    }
  }

  /** Nothing is needed from the source any more. */
  stop(error: Error): void {
    this.stopping.abort(error);
    this.calm.close();
    this.connection?.close();
    this.settled.reject(error);
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    const { clock, dial, log } = this.options;
    let pauseMs: number = REDIAL_MS.first;
    while (!signal.aborted) {
      try {
        if (await this.talk(await dial(signal))) pauseMs = REDIAL_MS.first;
      } catch (error) {
        if (signal.aborted) return;
        if (isGoneForGood(error)) throw error;
        log?.debug({ problem: problemOf(error) }, 'the source cannot be reached, once more');
      }
      await clock.sleep(pauseMs, signal).catch(() => {});
      pauseMs = Math.min(2 * pauseMs, REDIAL_MS.longest);
    }
  }

  /** Uses one connection up; true when it was of use. @throws GodwitError TRANSFER_FAILED when the pages are gone */
  private async talk(stream: DataStream): Promise<boolean> {
    const { pages, linked, log } = this.options;
    const { signal } = this.stopping;
    if (signal.aborted) {
      stream.on('error', () => {}).destroy();
      return false;
    }
    const connection = new SourceConnection({
      stream,
      pages,
      answered: () => {
        if (this.wanted.size === 0 && this.aheadWindow > 0)
          this.aheadWindow = Math.min(this.aheadWindow + AHEAD_STEP_PAGES, AHEAD_WINDOW_PAGES);
      },
      // What has come is wanted no more, before it is handed out and perhaps forgotten.
      arrived: () => {
        this.pump();
        this.options.arrived();
      },
    });
    this.connection = connection;
    linked?.(true);
    if (!this.options.eager) this.early = pages.smallRanges(EARLY.rangePages, EARLY.pages);
    this.pump();
    const error = await connection.ended;
    this.connection = undefined;
    linked?.(false);
    if (isGoneForGood(error)) throw error;
    if (!signal.aborted) log?.warn({ err: error }, 'the way to the pages broke; it is made again');
    return connection.useful;
  }
}
