import type { DomainSpec } from '../../../protocol/mod.ts';
import { GodwitError } from '../../../protocol/mod.ts';
import { both } from '../../effects/both.ts';
import { Reverter } from '../../effects/reverter.ts';
import { announceAddresses } from '../../host/announce.ts';
import type { Agent } from '../../migration/agent.ts';
import { type JobDir, makeJobDir } from '../../migration/job-dir.ts';
import { copiedTrees } from '../../migration/rootfs.ts';
import { Restore } from '../../migration/target/restore.ts';
import { bytesOfImages, linkParent, unpackChain } from '../chain.ts';
import { type RestoreNotes, restoreDir } from '../notes.ts';
import type { KeptFile } from '../store/manifest.ts';
import { together } from '../store/side-by-side.ts';
import type { CheckpointStore } from '../store/store.ts';
import { bringTreesToEnd } from './end-trees.ts';
import { takeFreePlaces } from './free-places.ts';
import type { RestorePlan } from './plan.ts';
import { trimReplaced } from './replaced.ts';
import { noteTrees } from './tree-notes.ts';
import { swapTrees, unpackTrees } from './trees.ts';

/** What a tmpfs needs beside the files in it. */
const ROOM_BYTES = 64 * 1024 * 1024;

export interface CopyRequest {
  readonly job: string;
  readonly plan: RestorePlan;
  /** For the agent that comes after this one. */
  readonly notes: RestoreNotes;
  /** What this node has under that name now, and will have again when the restore is undone. */
  readonly defined: DomainSpec | undefined;
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
}

export interface Unpacking {
  /** Resolves when the node's memory may be filled. */
  readonly allowed: () => Promise<void>;
  /** Told of each image, and what all of them take. */
  readonly done: (file: KeptFile, totalBytes: number) => void;
}

/** A container that is built out of a checkpoint, and everything that is done for it on this host. */
export class RestoredCopy {
  private readonly agent: Agent;
  private readonly request: CopyRequest;
  /** Undone when the container does not come to run. */
  private readonly reverter = new Reverter();
  /** Undone in any case, last. */
  private readonly scratch = new Reverter();
  private dir: JobDir | undefined;
  private restore: Restore | undefined;

  constructor(agent: Agent, request: CopyRequest) {
    this.agent = agent;
    this.request = request;
  }

  /**
   * Brings images and directories back and looks at every byte of them, while a restore without directories starts and waits at its
   * gate. @throws GodwitError CHECKPOINT_DAMAGED, HOST_FAILED, what `allowed` throws; without directories also what `build` does
   */
  async unpack(store: CheckpointStore, { allowed, done }: Unpacking): Promise<void> {
    const { agent, request, scratch } = this;
    const { job, plan, signal, deadlineMs } = request;
    const [, ...parents] = await store.chain(plan.found);
    const bytes = bytesOfImages([plan.found, ...parents]);
    const back = (file: KeptFile) => done(file, bytes);
    const own = restoreDir(agent.config.runDir, job);
    const room = { own, imageBytes: bytes + ROOM_BYTES };
    const [dir] = await both(
      makeJobDir(agent.runner, scratch, room),
      this.withTrees ? Promise.resolve() : this.define(),
    );
    this.dir = dir;
    const { images } = dir;
    const optionsWith = (signal: AbortSignal) => ({ runner: agent.runner, signal, deadlineMs });
    const whole = async (signal: AbortSignal) => {
      const options = optionsWith(signal);
      await allowed();
      await store.unpack(plan.found, images, options, back);
      if (parents.length > 0)
        await linkParent(
          images,
          await unpackChain(store, parents, images, { ...options, pages: 'whole', done: back }),
        );
    };
    if (!this.withTrees) {
      await together(signal, whole, (either) => this.begin(dir, either));
      return;
    }
    await whole(signal);
    this.reverter.add('the directories', () => bringTreesToEnd(agent, request.notes, 'undone'));
    await noteTrees(agent.config.stateDir, request.notes);
    await unpackTrees(agent, { store, found: plan.found, spec: plan.spec, job }, own, optionsWith(signal));
  }

  /**
   * Builds the tasks; when it resolves they are complete and held.
   * @throws GodwitError RESTORE_FAILED, HOST_FAILED, NODE_LACKS, CHECKPOINT_REFUSED (others have come to its places meanwhile)
   */
  async build(): Promise<void> {
    const { agent, request, dir } = this;
    const { plan, job } = request;
    const { spec } = plan;
    if (!dir) throw new GodwitError('INTERNAL', { problem: 'nothing was unpacked' });
    if (this.withTrees) await (plan.way === 'own' ? swapTrees(spec, job) : takeFreePlaces(agent, spec, job));
    if (this.withTrees) await this.define();
    const restore = this.restore ?? (await this.begin(dir, request.signal));
    await restore.build(dir.images);
  }

  private async define(): Promise<void> {
    const { agent, request, reverter } = this;
    const { plan, defined } = request;
    const { spec } = plan;
    reverter.add('the definition', async () => {
      await agent.runtime.sweep(spec.name);
      await (defined ? agent.runtime.define(defined) : agent.runtime.undefine(spec.name));
    });
    await agent.runtime.define(spec);
  }

  /** Starts what builds the tasks, up to its gate: no image is opened yet. */
  private async begin(dir: JobDir, signal: AbortSignal): Promise<Restore> {
    const { agent, request, scratch } = this;
    const { plan, deadlineMs } = request;
    const { spec } = plan;
    const restore = await Restore.begin(agent, { spec, dir, lazy: false, signal, deadlineMs });
    this.restore = restore;
    scratch.add('the hooks of the restore', () => restore.close());
    return restore;
  }

  /** Lets the tasks run and tells the network. Resolves when the runtime has taken them over. @throws GodwitError RESTORE_FAILED */
  async resume(): Promise<number> {
    const { agent, request, restore } = this;
    if (!restore) throw new GodwitError('INTERNAL', { problem: 'nothing was built' });
    const { initPid, resumedAtMs } = await restore.resume();
    announceAddresses(initPid, request.plan.spec.interfaces, agent).catch((error: unknown) => {
      agent.log.warn({ job: request.job, err: error }, 'the new place could not be announced');
    });
    await restore.done;
    return resumedAtMs;
  }

  /** Kills what was built; everything is as it was before. */
  async undo(): Promise<void> {
    await this.restore?.giveUp();
    await this.revert(this.reverter);
    await this.settle();
  }

  /** What only the restore needed goes. */
  async settle(): Promise<void> {
    await this.revert(this.scratch);
  }

  /** On the disk when it resolves: whatever becomes of the record, what was unpacked stays. @throws GodwitError HOST_FAILED */
  async noteCommit(): Promise<void> {
    const { agent, request } = this;
    if (this.withTrees) await noteTrees(agent.config.stateDir, { ...request.notes, verdict: 'committed' });
  }

  /** The container is here for good: what lay in the places of its directories is left as its policy says. */
  async leaveOldTrees(): Promise<void> {
    const { agent, request } = this;
    if (!this.withTrees) return;
    await bringTreesToEnd(agent, request.notes, 'committed');
  }

  /** It runs with its own: of what restores have left only so many stay. May take long, and never rejects. */
  async trimOldTrees(): Promise<void> {
    const { agent, request } = this;
    if (!this.withTrees) return;
    const roots = copiedTrees(request.plan.spec).map(({ root }) => root);
    await trimReplaced(agent, roots, request.job);
  }

  private get withTrees(): boolean {
    return this.request.notes.withTrees === true;
  }

  private async revert(reverter: Reverter): Promise<void> {
    for (const { what, error } of await reverter.revert())
      this.agent.log.warn({ job: this.request.job, what, err: error }, 'could not be undone');
  }
}
