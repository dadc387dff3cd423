import { GodwitError } from '../../../protocol/mod.ts';
import { trackedSince } from '../../host/tracked-memory.ts';
import type { Agent } from '../../migration/agent.ts';
import type { CheckpointStore, Found } from '../store/store.ts';

/** What a checkpoint may leave out, and whether the next one may leave out what this one has. */
export interface Increment {
  /** What it builds on, newest first; empty: it is whole. */
  readonly parents: readonly Found[];
  readonly track: boolean;
}

/**
 * A container whose memory the kernel has tracked since its last checkpoint needs only what changed, unless the chain is long enough, or
 * anything of it is gone or cannot be read: then all of it is taken. @throws GodwitError RUNTIME_FAILED, CONTAINER_STATE
 */
export async function chooseIncrement(
  { config, runtime, capabilities, containers, log }: Agent,
  store: CheckpointStore,
  name: string,
  wish: { readonly full: boolean; readonly leaveRunning: boolean },
): Promise<Increment> {
  const { features } = await capabilities();
  const { chain } = config.checkpoints;
  if (!features.mem_dirty_track || chain <= 1) return { parents: [], track: false };
  const track = wish.leaveRunning;
  const { initPid } = await runtime.dumpPlan(containers.get(name).spec);
  const since = wish.full ? undefined : await trackedSince(config.runDir, initPid);
  if (since === undefined) return { parents: [], track };
  try {
    const parents = await store.chain(await store.find(since));
    const isOwn = parents.every(({ manifest }) => manifest.container === name);
    return { parents: isOwn && parents.length < chain ? parents : [], track };
  } catch (error) {
    if (!(error instanceof GodwitError)) throw error;
    log.info({ container: name, err: error }, 'the next checkpoint is whole');
    return { parents: [], track };
  }
}
