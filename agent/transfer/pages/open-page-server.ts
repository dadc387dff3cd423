import { asTransferFailure, transferFailed } from '../failure.ts';
import { Answers } from './answers.ts';
import { Daemon } from './daemon.ts';
import { Fetcher } from './fetcher.ts';
import { type FinalImages, rewriteFinalImages } from './final-images.ts';
import { FirstWaits } from './first-waits.ts';
import { PageFiles } from './page-files.ts';
import type {
  PageServer,
  PageServerOptions,
  PageServerProgress,
  PageServerReceived,
  PageServerReport,
} from './page-server.ts';
import { RemotePages } from './remote-pages.ts';
import { loadRounds, type Rounds } from './rounds.ts';
import { Settled } from './settled.ts';
import { PAGE_BYTES } from './wire.ts';

/** Reads the rounds and listens for the daemon. @throws GodwitError TRANSFER_FAILED */
export async function openPageServer(options: PageServerOptions): Promise<PageServer> {
  const files = new PageFiles();
  const rounds = loadRounds(options.rounds, files);
  const server = new OurPageServer(options, rounds, files);
  await server.listen();
  return server;
}

class OurPageServer implements PageServer {
  private readonly options: PageServerOptions;
  private readonly rounds: Rounds;
  private readonly files: PageFiles;
  private readonly whenReceived = new Settled<PageServerReceived>();
  private readonly whenDone = new Settled<PageServerProgress>();
  private readonly firstWaits: FirstWaits;
  private daemon!: Daemon;
  private remote: RemotePages | undefined;
  private fetcher: Fetcher | undefined;
  private beganMs = 0;
  private linked = false;
  private broken = false;
  private closed = false;

  constructor(options: PageServerOptions, rounds: Rounds, files: PageFiles) {
    this.options = options;
    this.rounds = rounds;
    this.files = files;
    this.firstWaits = new FirstWaits(options.clock, (pages) => options.firstWaits?.(pages));
    options.signal.addEventListener('abort', this.onAbort, { once: true });
  }

  async listen(): Promise<void> {
    const { wire, clock, signal } = this.options;
    this.daemon = await Daemon.listen({
      wire,
      nowMs: () => clock.monotonicMs(),
      want: (index, pages) => this.fetcher?.want(index, pages),
      waited: (pid, page) => this.firstWaits.note(pid, page),
      served: () => this.fetcher?.pump(),
      ended: () => this.goodbye(),
      lost: (error) => this.fail(error),
    });
    if (signal.aborted) this.onAbort();
  }

  get port(): number {
    return this.daemon.port;
  }

  get received(): Promise<PageServerReceived> {
    return this.whenReceived.promise;
  }

  get done(): Promise<PageServerProgress> {
    return this.whenDone.promise;
  }

  get progress(): PageServerProgress {
    const { daemon, remote } = this;
    return {
      remoteBytes: (remote?.total ?? 0) * PAGE_BYTES,
      receivedBytes: (remote?.received ?? 0) * PAGE_BYTES,
      servedBytes: daemon.servedPages * PAGE_BYTES,
      answers: daemon.answered,
      waits: daemon.waits,
      longestWaitMs: daemon.longestWaitMs,
      linked: this.linked,
    };
  }

  async begin(dir: string): Promise<PageServerReport> {
    const { rounds, files, options } = this;
    try {
      const images = rewriteFinalImages({ dir, roundDirs: options.rounds, rounds, files });
      this.serve(images);
      return images.report;
    } catch (error) {
      const failure = asTransferFailure(error, 'preparing the final images');
      this.stop(failure);
      throw failure;
    }
  }

  close(): Promise<void> {
    this.stop(transferFailed('the page server was closed'));
    return Promise.resolve();
  }

  private serve({ tasks, report }: FinalImages): void {
    const { files, options } = this;
    options.signal.throwIfAborted();
    if (this.closed) throw transferFailed('the page server was closed');
    const { remotePages } = report;
    if (remotePages > 0 && options.upstream === undefined)
      throw transferFailed(`${remotePages} pages are not in the final images`);
    const remote = new RemotePages(tasks, remotePages, { keep: this.keeps });
    this.remote = remote;
    this.beganMs = options.clock.monotonicMs();
    if (options.upstream) this.fetch(options.upstream, remote);
    else this.sourceDone();
    this.daemon.begin(new Answers(tasks, files, remote));
  }

  /** Pages that are kept can be handed out any number of times without the source. */
  private get keeps(): boolean {
    return this.options.rounds.length > 0;
  }

  private fetch(dial: NonNullable<PageServerOptions['upstream']>, pages: RemotePages): void {
    const { clock, log } = this.options;
    this.fetcher = new Fetcher({
      dial,
      pages,
      eager: this.keeps,
      clock,
      arrived: () => this.daemon.pump(),
      linked: (up) => {
        this.linked = up;
      },
      ...(log ? { log } : {}),
    });
    this.fetcher.done.then(
      () => this.keeps && this.sourceDone(),
      (error: unknown) => this.fail(error),
    );
  }

  private goodbye(): void {
    this.firstWaits.end();
    this.sourceDone();
    this.whenDone.resolve(this.progress);
  }

  /** Nothing is needed from the source any more. */
  private sourceDone(): void {
    const { remote, options } = this;
    const bytes = (remote?.received ?? 0) * PAGE_BYTES;
    this.whenReceived.resolve({ bytes, ms: options.clock.monotonicMs() - this.beganMs });
    this.fetcher?.stop(transferFailed('every page is here'));
  }

  /** Something broke. What depends on the daemon is made safe before it can notice. */
  private fail(error: unknown): void {
    if (this.closed || this.broken) return;
    this.broken = true;
    const failure = asTransferFailure(error, 'the page server');
    this.whenReceived.reject(failure);
    this.fetcher?.stop(failure);
    if (this.whenDone.isSettled) return;
    this.options.log?.warn({ err: failure, ...this.progress }, 'pages will be missing');
    Promise.resolve(this.options.beforeClose?.(failure)).then(
      () => this.stop(failure),
      // It could not be made safe: the socket stays open until the agent says otherwise.
      () => this.whenDone.reject(failure),
    );
  }

  private readonly onAbort = (): void => this.stop(this.options.signal.reason);

  private stop(reason: unknown): void {
    if (this.closed) return;
    this.closed = true;
    this.options.signal.removeEventListener('abort', this.onAbort);
    this.firstWaits.end();
    this.whenReceived.reject(reason);
    this.whenDone.reject(reason);
    this.fetcher?.stop(asTransferFailure(reason, 'the page server was stopped'));
    this.daemon.destroy();
    this.remote?.close();
    this.files.close();
  }
}
