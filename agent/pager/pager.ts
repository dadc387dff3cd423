import { join } from 'node:path';
import { GodwitError, LIMITS, toGodwitError } from '../../protocol/mod.ts';
import type { Criu, CriuProcess } from '../criu/criu.ts';
import { type Gate, makeGate } from '../criu/mod.ts';
import type { Clock } from '../effects/clock.ts';
import type { Runner } from '../effects/runner.ts';
import { fenceCgroup } from '../host/freeze.ts';
import type { CgroupPaths } from '../runtime/runtime.ts';
import { type DataPeer, goneForGood, isKeyless, openStream, type TransferLog } from '../transfer/mod.ts';
import { openPageServer, type PageServer, rehearse } from '../transfer/pages/mod.ts';
import type { DataStream } from '../transfer/stream.ts';
import { type FaultHolder, holdFaults } from './fault-holder.ts';
import type { PagerConfig, PagerStatus } from './messages.ts';

/** What a pager is made with. */
export interface PagerTools {
  readonly runner: Runner;
  readonly criu: Criu;
  readonly clock: Clock;
  readonly log: TransferLog;
}

/**
 * Fills the memory of one container that runs before it is there: our page server, criu's lazy-pages daemon that takes its
 * pages, and what keeps the container from running on missing ones. In a process of its own it outlives the agent.
 */
export class Pager {
  private readonly config: PagerConfig;
  private readonly tools: PagerTools;
  private readonly changed: (status: PagerStatus) => void;
  private readonly stopping = new AbortController();
  private now: PagerStatus = {
    ready: false,
    started: false,
    received: false,
    filled: false,
    keyless: false,
  };
  private server: PageServer | undefined;
  private gate: Gate | undefined;
  private daemon: CriuProcess | undefined;
  private holder: FaultHolder | undefined;
  private beginning: Promise<void> | undefined;
  private guarded: CgroupPaths | undefined;
  private dials = 0;
  private failed = false;

  constructor(config: PagerConfig, tools: PagerTools, changed: (status: PagerStatus) => void) {
    this.config = config;
    this.tools = tools;
    this.changed = changed;
  }

  get status(): PagerStatus {
    return this.now;
  }

  /** Starts criu's daemon up to where it needs images. What goes wrong is in the status. */
  async prepare(): Promise<void> {
    try {
      await this.setUp();
      this.say({ ready: true });
    } catch (error) {
      await this.fail(error);
    }
  }

  /** The final images are complete in this directory. */
  begin(images: string): Promise<void> {
    this.beginning ??= this.start(images).catch((error: unknown) => this.fail(error));
    return this.beginning;
  }

  /** Before a missing page could be taken for an empty one, this is frozen. */
  guard(cgroup: CgroupPaths): void {
    this.guarded = cgroup;
    this.holder?.guard(cgroup);
    if (this.failed) void this.freeze();
  }

  /** The source holds no pages; it has said so on another way than this one's. */
  gone(): void {
    if (!this.now.received) void this.fail(goneForGood('the source does not know the job any more'));
  }

  /** Ends everything; the container is whole, or dead. */
  async stop(): Promise<void> {
    this.stopping.abort(new Error('the pager was stopped'));
    // First, or it takes the daemon's end for a failure.
    await this.server?.close();
    this.daemon?.kill('SIGKILL');
    await this.daemon?.ended;
    await this.holder?.release();
    await this.gate?.close();
  }

  private async setUp(): Promise<void> {
    const { config, tools, stopping } = this;
    const { runner, criu, clock, log } = tools;
    const { rounds, wire, job, pages } = config;
    this.server = await openPageServer({
      wire,
      rounds,
      ...(pages ? { upstream: (signal: AbortSignal) => this.dial(job, pages, signal) } : {}),
      clock,
      signal: stopping.signal,
      log,
      beforeClose: (error) => this.lose(error),
      firstWaits: (pages) => this.say({ first: pages.map(([pid, page]) => [pid, page]) }),
    });
    this.gate = await makeGate({ runner, clock, dir: config.gate });
    const logFile = join(config.dir, 'lazy-pages.log');
    this.daemon = criu.lazyPages({
      imageDir: this.gate.dir,
      workDir: config.dir,
      logFile,
      address: '127.0.0.1',
      port: this.server.port,
      deadlineMs: LIMITS.pagesMs,
    });
    this.holder = holdFaults(runner, { daemon: this.daemon.pid, dir: config.dir });
    const ended = this.ended(this.daemon, logFile);
    this.server.done.catch(() => {});
    // Without rounds pages are forgotten once they are handed out: a child that was forked may need them again.
    const received = rounds.length > 0 ? this.server.received.then(() => {}) : ended;
    received.then(
      () => this.say({ received: true }),
      () => {},
    );
    ended.then(
      () => this.filled(),
      (error: unknown) => this.fail(error),
    );
    // While criu starts: the container does not stand still yet.
    const rehearsal = rehearse({ dir: join(config.dir, 'rehearsal'), wire, clock, log });
    await Promise.race([this.gate.reached(stopping.signal), ended]);
    await rehearsal;
  }

  /** @throws GodwitError TRANSFER_FAILED */
  private async dial(job: string, peer: DataPeer, signal: AbortSignal): Promise<DataStream> {
    const { clock, log } = this.tools;
    this.dials += 1;
    const id = { job, kind: 'lazy', index: this.dials } as const;
    try {
      const stream = await openStream({ peer, id, clock, signal, log });
      if (this.now.keyless) this.say({ keyless: false });
      return stream;
    } catch (error) {
      const keyless = isKeyless(error);
      if (keyless !== this.now.keyless) this.say({ keyless });
      throw error;
    }
  }

  private async start(images: string): Promise<void> {
    const { server, gate, daemon, stopping } = this;
    if (!server || !gate || !daemon) throw new GodwitError('INTERNAL', { problem: 'the pager is not ready' });
    const report = await server.begin(images);
    this.tools.log.debug({ report }, 'the container can start before its memory is there');
    await gate.open(images, stopping.signal);
    await daemon.ready;
    this.say({ started: true });
  }

  /** @throws GodwitError RESTORE_FAILED with the first errors of its log */
  private async ended(daemon: CriuProcess, logFile: string): Promise<void> {
    const { exitCode } = await daemon.ended;
    if (exitCode === 0) return;
    const { lines, cure } = await this.tools.criu.explain(logFile);
    const problem = `criu lazy-pages ended with ${exitCode}: ${lines[0] ?? 'without a word'}`;
    throw new GodwitError('RESTORE_FAILED', { target: 'this node', problem, cure, lines });
  }

  private async filled(): Promise<void> {
    await this.holder?.release();
    const { progress } = this.server as PageServer;
    this.tools.log.debug({ progress }, 'every page is where it belongs');
    this.say({ received: true, filled: true });
  }

  /** The pages are gone. criu's daemon hears of it never: tasks that touch a missing page wait, frozen or not. */
  private async lose(error: unknown): Promise<void> {
    await this.fail(error);
    await new Promise(() => {});
  }

  /** The container first: whoever hears of it finds it frozen. */
  private async fail(error: unknown): Promise<void> {
    if (this.stopping.signal.aborted || this.failed || this.now.filled) return;
    this.failed = true;
    await this.freeze();
    this.tools.log.warn({ err: error }, 'the memory cannot be completed');
    this.say({ error: toGodwitError(error).toWire() });
  }

  private async freeze(): Promise<void> {
    const { guarded, tools } = this;
    if (!guarded) return;
    await fenceCgroup(guarded, tools.clock).catch((error: unknown) => {
      tools.log.warn({ err: error }, 'the container could not be frozen');
    });
  }

  private say(change: Partial<PagerStatus>): void {
    this.now = { ...this.now, ...change };
    this.changed(this.now);
  }
}
