import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { fromWire, GodwitError } from '../../protocol/mod.ts';
import type { Clock } from '../effects/clock.ts';
import type { CgroupPaths } from '../runtime/runtime.ts';
import type { FirstPage } from '../transfer/pages/mod.ts';
import { Settled } from '../transfer/pages/settled.ts';
import { readMessages, writeMessage } from './lines.ts';
import { PAGER_FILES, type PagerConfig, type PagerRequest, PagerStatus } from './messages.ts';

/** Starts the pager of this configuration file; resolves when it has ended. */
export type LaunchPager = (configFile: string) => Promise<unknown>;

/** How long a pager may take to listen: a node process starts in a fraction of a second, on a busy machine in several. */
const LISTEN_MS = 40_000;
const LISTEN_POLL_MS = 5;
/** How long one that was told to stop may take before it is left to the sweep of the job's processes. */
const STOP_MS = 5_000;

/** An agent's view of a pager. */
export class PagerClient {
  readonly ready: Promise<void>;
  readonly started: Promise<void>;
  /** The source is not needed any more. Rejects with what the pager says, its end without a word included. */
  readonly received: Promise<void>;
  /** Every page is where it belongs. Rejects likewise. */
  readonly filled: Promise<void>;
  /** Called when the source's data port turns out to have no key in common with this node (see PagerStatus). */
  onKeyless: () => void = () => {};
  /** Called with what the tasks waited for first. */
  onFirst: (pages: readonly FirstPage[]) => void = () => {};
  private readonly socket: Socket;
  private readonly clock: Clock;
  private strange = false;
  private readonly when = {
    ready: new Settled<void>(),
    started: new Settled<void>(),
    received: new Settled<void>(),
    filled: new Settled<void>(),
  };

  constructor(socket: Socket, clock: Clock) {
    this.socket = socket;
    this.clock = clock;
    this.ready = this.when.ready.promise;
    this.started = this.when.started.promise;
    this.received = this.when.received.promise;
    this.filled = this.when.filled.promise;
    socket.on('error', () => {}).once('close', () => this.failed(gone('it has ended')));
    readMessages(socket, PagerStatus, (status) => this.heard(status));
  }

  /** The final images are complete in this directory; resolves when the restore may begin. */
  begin(images: string): Promise<void> {
    this.say({ do: 'begin', images });
    return this.started;
  }

  /** This is the container whose tasks must never run on missing pages. */
  guard({ version, dirs }: CgroupPaths): void {
    this.say({ do: 'guard', cgroup: { version, dirs: { ...dirs } } });
  }

  /** Whether the source's data port has no key in common with this node, and the pager still needs it. */
  get keyless(): boolean {
    return this.strange && !this.socket.destroyed;
  }

  /** The source itself has said that it holds no pages. */
  gone(): void {
    this.say({ do: 'gone' });
  }

  /** Ends the pager with all it has started: the container is whole, or dead. */
  async stop(): Promise<void> {
    this.say({ do: 'stop' });
    if (this.socket.destroyed) return;
    const late = new AbortController();
    await Promise.race([once(this.socket, 'close'), this.clock.sleep(STOP_MS, late.signal).catch(() => {})]);
    late.abort();
    this.socket.destroy();
  }

  /** Leaves the pager alone with its work. */
  detach(): void {
    this.socket.destroy();
  }

  private say(request: PagerRequest): void {
    writeMessage(this.socket, request);
  }

  private heard(status: PagerStatus): void {
    for (const step of ['ready', 'started', 'received', 'filled'] as const)
      if (status[step]) this.when[step].resolve();
    this.strange = status.keyless && !status.error && !status.received;
    if (this.strange) this.onKeyless();
    if (status.first) this.onFirst(status.first);
    if (status.error) this.failed(fromWire(status.error));
  }

  private failed(error: Error): void {
    for (const step of Object.values(this.when)) step.reject(error);
  }
}

/**
 * Starts a pager, and resolves when criu's daemon waits for its images there.
 * @throws GodwitError RESTORE_FAILED, TRANSFER_FAILED
 */
export async function startPager(
  launch: LaunchPager,
  config: PagerConfig,
  clock: Clock,
): Promise<PagerClient> {
  const file = join(config.dir, PAGER_FILES.config);
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  const ended = new AbortController();
  launch(file).then(
    () => ended.abort(gone('it ended at once')),
    (error: unknown) => ended.abort(gone(String(error))),
  );
  const client = await attachPager(
    config.dir,
    clock,
    AbortSignal.any([ended.signal, AbortSignal.timeout(LISTEN_MS)]),
  );
  await client.ready;
  return client;
}

/**
 * Connects to the pager that works in this directory (the target's side of a move), as often as an agent likes: it says
 * first how far it is. Without a signal one that does not listen is gone. What an agent that restarted needs is `received`
 * and `filled`; the container is frozen when they reject, or has nobody left but the holder of its faults.
 * @throws GodwitError RESTORE_FAILED when it is not there
 */
export async function attachPager(dir: string, clock: Clock, patience?: AbortSignal): Promise<PagerClient> {
  for (;;) {
    const socket = connect(join(dir, PAGER_FILES.socket));
    try {
      await once(socket, 'connect');
      return new PagerClient(socket, clock);
    } catch (error) {
      socket.destroy();
      if (!patience) throw gone((error as Error).message);
      if (patience.aborted)
        throw patience.reason instanceof GodwitError ? patience.reason : gone('it does not listen');
    }
    await clock.sleep(LISTEN_POLL_MS, patience).catch(() => {});
  }
}

function gone(problem: string): GodwitError {
  return new GodwitError('RESTORE_FAILED', { target: 'this node', problem: `the pager is gone: ${problem}` });
}
