import { join } from 'node:path';
import { GodwitError } from '../../../protocol/mod.ts';
import type { Agent } from '../../migration/agent.ts';
import { hashList, lowerDifference } from '../../rootfs/mod.ts';
import type { CompressOptions } from '../store/compress.ts';
import type { CheckpointStore } from '../store/store.ts';
import type { RestorePlan } from './plan.ts';

/**
 * What the root file system is laid over has to be the same here as where the checkpoint was made.
 * @throws GodwitError LOWER_DIFFERS, CHECKPOINT_DAMAGED, HOST_FAILED
 */
export async function compareLower(
  { runner, clock }: Agent,
  store: CheckpointStore,
  { found, spec }: RestorePlan,
  { dir, ...options }: CompressOptions & { readonly dir: string },
): Promise<void> {
  for (const { root, listing } of found.manifest.lower) {
    const [theirs, ours] = await Promise.all([
      store.readFile(found, listing, join(dir, 'lower-then'), options),
      hashList({ runner, clock, root, file: join(dir, 'lower-now'), signal: options.signal }),
    ]);
    const problem = lowerDifference(theirs, ours);
    if (problem !== '')
      throw new GodwitError('LOWER_DIFFERS', { container: spec.name, lower: root, problem });
  }
}
