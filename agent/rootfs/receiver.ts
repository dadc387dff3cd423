import { join } from 'node:path';
import { GodwitError } from '../../protocol/mod.ts';
import type { Clock } from '../effects/clock.ts';
import type { Runner } from '../effects/runner.ts';
import { wordsOf } from '../host/failure.ts';
import { asTransferFailure, transferFailed } from '../transfer/failure.ts';
import { createMeter } from '../transfer/mod.ts';
import type { DataPort, DataStream } from '../transfer/stream.ts';
import { carry } from './carry.ts';
import { differenceOf } from './changes.ts';
import { listTree, parseListing } from './listing.ts';
import { contentOf, receiverCommand } from './rsync.ts';
import { syncTree } from './sender.ts';
import { giveVerdict, readListing } from './verdict.ts';

/** rsync's word for: some files could not be brought over as they were. The source decides what follows. */
const PARTIAL = 23;

export interface ReceiverOptions {
  readonly runner: Runner;
  readonly clock: Clock;
  readonly data: DataPort;
  readonly job: string;
  readonly container: string;
  /** Of every tree that moves, in the order that the source numbers them in. */
  readonly roots: readonly string[];
  /** Directory of the job, for lists and logs. */
  readonly dir: string;
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
  /** Called before a part of a pass is taken, and before the copy is compared. */
  readonly struck: (point: 'target.rootfs' | 'target.rootfs-check') => Promise<void> | undefined;
}

/** The target's end of all copies: one rsync for each stream that comes, and a comparison of each tree at the end. */
export class RootfsReceiver {
  /** The copies are the same as the frozen originals, and on disk. Rejects: ROOTFS_FAILED, TRANSFER_FAILED, HOST_FAILED. */
  readonly complete: Promise<void>;
  /** The words of an rsync that failed here; the one at the source knows only that it lost its peer. */
  readonly broken: Promise<GodwitError>;
  private tell: (error: GodwitError) => void = () => {};
  private readonly options: ReceiverOptions;
  private readonly over = new AbortController();
  private readonly signal: AbortSignal;
  /** Parts under way; none rejects. */
  private readonly working = new Set<Promise<void>>();
  /** What came by now is on its disk. */
  private flushing: Promise<unknown> = Promise.resolve();

  constructor(options: ReceiverOptions) {
    this.options = options;
    this.signal = AbortSignal.any([options.signal, this.over.signal]);
    this.broken = new Promise((resolve) => {
      this.tell = resolve;
    });
    void this.serve();
    this.complete = this.compareAll();
    this.complete.catch(() => {});
  }

  /** No rsync works on the copy any more. */
  async end(): Promise<void> {
    this.over.abort(new GodwitError('MOVE_ABORTED', { problem: 'the copy is not wanted any more' }));
    await this.complete.catch(() => {});
    await Promise.all(this.working);
    await this.flushing.catch(() => {});
  }

  private async serve(): Promise<void> {
    const { data, job } = this.options;
    try {
      for (;;) {
        const stream = await data.acceptNext(job, 'rootfs', this.signal);
        const part = this.take(stream).catch(() => {});
        this.working.add(part);
        void part.then(() => this.working.delete(part));
      }
    } catch {
      // The move has ended, one way or the other.
    }
  }

  /** What goes wrong here the source hears of by its own rsync, by its stream, and by `broken`. */
  private async take(stream: DataStream): Promise<void> {
    const { runner, clock, container, roots, dir, deadlineMs, struck } = this.options;
    const { signal } = this;
    await struck('target.rootfs');
    const { tree, part } = contentOf(stream.id.index);
    const root = roots[tree];
    if (root === undefined)
      return void stream.destroy(transferFailed(`there is no tree ${tree}`, stream.ends));
    const command = receiverCommand({ part, root, logFile: join(dir, `rsync-${part}-${tree}.log`) });
    const meter = createMeter({ clock });
    const result = await carry(command, stream, { runner, clock, meter, signal, deadlineMs });
    if (result.exitCode !== 0 && result.exitCode !== PARTIAL)
      this.tell(new GodwitError('ROOTFS_FAILED', { container, problem: wordsOf(result) }));
    // The last pass is to find little that is not on disk.
    this.flushing = Promise.all([this.flushing, syncTree(runner, root)]);
    this.flushing.catch(() => {});
  }

  private async compareAll(): Promise<void> {
    await Promise.all(this.options.roots.map((root, tree) => this.compare(root, tree)));
  }

  private async compare(root: string, tree: number): Promise<void> {
    const { data, job, container } = this.options;
    const { signal } = this;
    const stream = await data.accept({ job, kind: 'listing', index: tree }, signal);
    let difference: string;
    try {
      difference = await this.judge(stream, root, tree);
    } catch (error) {
      stream.destroy(asTransferFailure(error, 'comparing the copy', stream));
      throw error;
    }
    giveVerdict(stream, difference);
    if (difference !== '')
      throw new GodwitError('ROOTFS_FAILED', { container, problem: `here in ${root} ${difference}` });
  }

  private async judge(stream: DataStream, root: string, tree: number): Promise<string> {
    const { runner, clock, dir, struck } = this.options;
    const { signal } = this;
    const listing = parseListing(await readListing(stream, signal), 0);
    await struck('target.rootfs-check');
    await Promise.all(this.working);
    // Nothing is written any more: the disk has its time while the tree is looked at.
    const [own] = await Promise.all([
      listTree({ runner, clock, root, file: join(dir, `listing-${tree}`), signal }),
      this.flushing,
    ]);
    return differenceOf(listing, parseListing(own, 0)) ?? '';
  }
}
