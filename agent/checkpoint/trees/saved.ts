import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Compression, type DomainSpec, GodwitError, type RootfsPass } from '../../../protocol/mod.ts';
import type { Reverter } from '../../effects/reverter.ts';
import { hostFailed } from '../../host/failure.ts';
import type { Agent } from '../../migration/agent.ts';
import { copiedTrees } from '../../migration/rootfs.ts';
import {
  anotherPass,
  differenceOf,
  listTree,
  nearPeer,
  parseListing,
  RootfsSender,
  rootfsBytes,
} from '../../rootfs/mod.ts';
import type { CgroupPaths } from '../../runtime/runtime.ts';
import type { Draft } from '../store/draft.ts';
import type { KeptTree } from '../store/manifest.ts';
import { takeList } from './lists.ts';
import { makeStaging } from './staging.ts';

export interface SavedTreesRequest {
  readonly job: string;
  readonly spec: DomainSpec;
  /** The container is to run on: its directories are copied on this node's disk first, and the copies are what is kept. */
  readonly staged: boolean;
  /** Directory of the job, for lists and logs. */
  readonly dir: string;
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
}

/** One directory, where it is and what is kept. */
interface Tree {
  readonly root: string;
  readonly from: string;
  readonly sender?: RootfsSender;
  /** As it was while the tasks stood still; without a sender only. */
  listing?: Buffer;
}

/**
 * Root file system and volumes with policy `copy`, for a checkpoint: as they are while the tasks stand still. Of a container
 * that is stopped that is as long as it takes. One that runs on stands still for the last of several passes of rsync only, as in a move.
 */
export class SavedTrees {
  private readonly agent: Agent;
  private readonly request: SavedTreesRequest;
  private readonly trees: readonly Tree[];

  /** Undefined where nodes share all there is. @throws GodwitError HOST_FAILED */
  static async begin(
    agent: Agent,
    reverter: Reverter,
    request: SavedTreesRequest,
  ): Promise<SavedTrees | undefined> {
    const { runner, clock } = agent;
    const { spec, staged, job, dir, signal, deadlineMs } = request;
    const roots = copiedTrees(spec).map(({ root }) => root);
    if (roots.length === 0) return undefined;
    if (!staged)
      return new SavedTrees(
        agent,
        request,
        roots.map((root) => ({ root, from: root })),
      );
    const home = await makeStaging(agent, reverter, job);
    const trees = roots.map((root, tree) => {
      const from = join(home, String(tree));
      const common = { runner, clock, dir, signal };
      const peer = nearPeer({ ...common, to: from, deadlineMs });
      const sender = new RootfsSender({ ...common, container: spec.name, root, tree, basis: false, peer });
      return { root, from, sender };
    });
    for (const { from } of trees)
      await mkdir(from).catch((error: unknown) => {
        throw hostFailed(`making ${from}`, error);
      });
    return new SavedTrees(agent, request, trees);
  }

  private constructor(agent: Agent, request: SavedTreesRequest, trees: readonly Tree[]) {
    this.agent = agent;
    this.request = request;
    this.trees = trees;
  }

  /** While the container runs, one directory after the other. @throws GodwitError ROOTFS_FAILED, HOST_FAILED */
  async passes(passed: (pass: RootfsPass) => void): Promise<void> {
    for (const { sender } of this.trees) {
      const done: RootfsPass[] = [];
      while (sender && anotherPass(done)) {
        const pass = await sender.pass();
        done.push(pass);
        passed(pass);
      }
    }
  }

  /** The tasks in `cgroup` stand still: what is kept is as it is now. @throws GodwitError ROOTFS_FAILED, HOST_FAILED */
  async still(cgroup: CgroupPaths, passed: (pass: RootfsPass) => void): Promise<void> {
    for (const tree of this.trees) {
      // A copy that nobody else writes into can be listed once they run again.
      if (tree.sender) passed(await tree.sender.finish(cgroup));
      else tree.listing = await this.list(tree.from);
    }
  }

  /**
   * Puts all of it into the store. @throws GodwitError CHECKPOINT_FAILED also when something that does not belong to the container
   * has changed it meanwhile; HOST_FAILED
   */
  async keep(draft: Draft, compression: Compression): Promise<KeptTree[]> {
    const { runner } = this.agent;
    const { dir } = this.request;
    const kept: KeptTree[] = [];
    for (const [at, { root, from, listing }] of this.trees.entries()) {
      const bytes = (await rootfsBytes(runner, from)) ?? 0;
      const before = listing ?? (await this.list(from));
      const archive = await draft.takeTree(from, `tree-${at}`, compression, this.options());
      const after = await this.list(from);
      const changed = differenceOf(parseListing(before, 0), parseListing(after, 0));
      if (changed !== undefined) throw this.failed(`${root} was changed while it was read: ${changed}`);
      kept.push({
        root,
        bytes,
        archive,
        listing: await takeList(
          draft,
          { dir, name: `tree-${at}.list`, list: after },
          compression,
          this.options(),
        ),
      });
    }
    return kept;
  }

  private list(root: string): Promise<Buffer> {
    const { runner, clock } = this.agent;
    const { dir, signal } = this.request;
    return listTree({ runner, clock, root, file: join(dir, 'listing'), signal });
  }

  private options() {
    const { signal, deadlineMs } = this.request;
    return { runner: this.agent.runner, signal, deadlineMs };
  }

  private failed(problem: string): GodwitError {
    return new GodwitError('CHECKPOINT_FAILED', { container: this.request.spec.name, problem });
  }
}
