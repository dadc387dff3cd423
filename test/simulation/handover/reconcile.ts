import { reconcileRecord } from '../../../protocol/mod.ts';
import type { Life } from './life.ts';
import type { SimNode } from './node.ts';
import { CONTAINER, type World } from './world.ts';

const AGAIN_MS = 20_000;

/** An agent looks, at its start and now and then, at records of moves that name its node and that it knows nothing of. */
export async function reconcileForever(world: World, node: SimNode, life: Life): Promise<void> {
  const records = world.store.seenBy(node.place, life);
  const clock = node.clock(life);
  for (;;) {
    const seen = await records.get(CONTAINER).catch(() => undefined);
    if (seen && !node.move) {
      const next = reconcileRecord(seen.record, { node: node.place, running: node.host.executes });
      if (next) await records.update(next, seen.revision).catch(() => {});
      await clock.sleep(next ? 1_000 : AGAIN_MS);
    } else await clock.sleep(seen ? AGAIN_MS : 1_000);
  }
}
