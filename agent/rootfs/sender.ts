import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GodwitError, type RootfsPass } from '../../protocol/mod.ts';
import type { Clock } from '../effects/clock.ts';
import type { Runner, RunResult } from '../effects/runner.ts';
import { hostFailed, wordsOf } from '../host/failure.ts';
import type { CgroupPaths } from '../runtime/runtime.ts';
import { type Changes, changesSince, withDirectories, withTop } from './changes.ts';
import { type Listing, listTree, parseListing } from './listing.ts';
import { type MappedFiles, mappedFiles } from './mapped.ts';
import type { PassPeer } from './peer.ts';
import type { Part } from './rsync.ts';

/** Files vanished under its eyes; some files could not be brought over as they were. */
const VANISHED = 24;
const PARTIAL = 23;
/** The kernel may have a lot to write, and not only of this tree. */
const SYNC_MS = 300_000;

export interface SenderOptions {
  readonly runner: Runner;
  readonly clock: Clock;
  readonly container: string;
  readonly root: string;
  /** Which of the trees it is, for the names of its files. */
  readonly tree: number;
  /** Directory of the job, for lists and logs. */
  readonly dir: string;
  /** The other end has an older copy. */
  readonly basis: boolean;
  readonly signal: AbortSignal;
  readonly peer: PassPeer;
}

/** The source's end of a copy: passes while the container runs, and one while it stands still. */
export class RootfsSender {
  private readonly options: SenderOptions;
  private passes = 0;
  /** What the target is known to have; nothing before a first pass brought all of it over. */
  private base: Listing | undefined;
  /** After a look at everything rsync may leave a directory with the time at which it removed something from it. */
  private directoriesDue = true;

  constructor(options: SenderOptions) {
    this.options = options;
  }

  /** While the container runs. @throws GodwitError ROOTFS_FAILED, TRANSFER_FAILED, HOST_FAILED; the signal's reason */
  async pass(): Promise<RootfsPass> {
    const { root, runner } = this.options;
    const startedMs = this.options.clock.monotonicMs();
    // Pages on their way to the disk are write-protected: a store into a mapped file after this sets its ctime.
    await syncTree(runner, root);
    const { listing } = await this.list();
    return this.send({ listing, startedMs, frozen: false });
  }

  /**
   * The tasks in `cgroup` stand still: brings over what is left, and returns when the target has compared everything and
   * has it on its disk. @throws GodwitError ROOTFS_FAILED, TRANSFER_FAILED, HOST_FAILED; the signal's reason
   */
  async finish(cgroup: CgroupPaths): Promise<RootfsPass> {
    const { peer, container, clock } = this.options;
    const startedMs = clock.monotonicMs();
    if (!this.base) throw failed(container, 'no pass has brought all of it over');
    const [{ listing, bytes }, mapped] = await Promise.all([this.list(), mappedFiles(cgroup)]);
    const sent = this.send({ listing, startedMs, frozen: true, mapped });
    const [pass, verdict] = await Promise.all([sent, peer.compare(bytes, sent)]);
    if (verdict !== '') throw failed(container, `in the copy ${verdict}`);
    return { ...pass, durationMs: clock.monotonicMs() - startedMs };
  }

  private async list(): Promise<{ readonly listing: Listing; readonly bytes: Buffer }> {
    const { root, tree, dir, runner, clock, signal } = this.options;
    const startedAtMs = clock.nowMs();
    const bytes = await listTree({ runner, clock, root, file: join(dir, `listing-${tree}`), signal });
    return { listing: parseListing(bytes, startedAtMs), bytes };
  }

  private async send(look: {
    readonly listing: Listing;
    readonly startedMs: number;
    readonly frozen: boolean;
    readonly mapped?: MappedFiles;
  }): Promise<RootfsPass> {
    const { listing, startedMs, frozen, mapped } = look;
    const { basis, peer, clock } = this.options;
    const sentBytes = peer.bytes;
    this.passes += 1;
    const found = this.base && withTop(changesSince(this.base, listing, mapped));
    const changes = found && this.directoriesDue ? withDirectories(found, listing) : found;
    const results = changes
      ? await this.changed(changes)
      : [await this.run(basis ? 'basis' : 'fresh', undefined)];
    const whole = results.filter(({ exitCode }) => !this.accept(exitCode, frozen)).length === 0;
    const bad = results.find(({ exitCode }) => exitCode !== 0 && exitCode !== VANISHED);
    if (bad && (frozen || bad.exitCode !== PARTIAL)) throw failed(this.options.container, wordsOf(bad));
    // What could not be brought over stays due: the next pass begins where this one did.
    if (whole) this.base = listing;
    if (whole && changes) this.directoriesDue = false;
    return {
      index: this.passes,
      frozen,
      entries: changes ? changes.plain.length + changes.inPlace.length : listing.entries.size,
      bytes: peer.bytes - sentBytes,
      durationMs: clock.monotonicMs() - startedMs,
    };
  }

  /** Both at once: they share no file. */
  private changed({ plain, inPlace }: Changes): Promise<RunResult[]> {
    return Promise.all([
      ...(plain.length > 0 ? [this.run('list', plain)] : []),
      ...(inPlace.length > 0 ? [this.run('patch', inPlace)] : []),
    ]);
  }

  private accept(exitCode: number | null, frozen: boolean): boolean {
    return exitCode === 0 || (exitCode === VANISHED && !frozen);
  }

  private async run(part: Part, paths: readonly string[] | undefined): Promise<RunResult> {
    const { root, tree, dir, peer } = this.options;
    const listFile = join(dir, `rsync-${part}-${tree}.list`);
    if (paths) await writeList(listFile, paths);
    const logFile = join(dir, `rsync-${part}-${tree}.log`);
    return peer.run({ part, root, logFile }, { pass: this.passes, listFile });
  }
}

/** Everything of a tree's file system is on its disk. @throws GodwitError HOST_FAILED */
export async function syncTree(runner: Runner, root: string): Promise<void> {
  const result = await runner.run({ file: 'sync', args: ['-f', root], deadlineMs: SYNC_MS });
  if (result.exitCode !== 0) throw hostFailed(`syncing ${root}`, wordsOf(result));
}

async function writeList(file: string, paths: readonly string[]): Promise<void> {
  const text = paths.map((path) => `${path === '' ? '.' : path}\0`).join('');
  await writeFile(file, text, { encoding: 'latin1', mode: 0o600 }).catch((error: unknown) => {
    throw hostFailed(`writing ${file}`, error);
  });
}

function failed(container: string, problem: string): GodwitError {
  return new GodwitError('ROOTFS_FAILED', { container, problem });
}
