import type { Agent } from '../../../agent/migration/agent.ts';
import { request } from './bus.ts';
import type { Life } from './life.ts';
import type { SimNode } from './node.ts';
import type { World } from './world.ts';

/** As much of an agent as telling the other side needs. */
export function agentOf(world: World, node: SimNode, life: Life): Pick<Agent, 'bus' | 'clock' | 'log'> {
  const bus = {
    request: (verb: string, body: unknown, options?: { readonly timeoutMs?: number }) =>
      request(world, { place: node.place, life }, node.other, {
        verb,
        body,
        timeoutMs: options?.timeoutMs ?? 5_000,
      }),
  };
  return { bus: bus as never, clock: node.clock(life), log: SILENT };
}

const SILENT = { warn: () => {} } as never;
