import type { EvacuationItem } from '../../../protocol/mod.ts';
import type { Agent } from '../../migration/agent.ts';

/** A node is asked so often before it counts as silent: servers of the bus that lose one of theirs need a while. */
const TRIES = 4;
const PAUSE_MS = 2_000;

/** A node that took containers and does not answer, and which of them are still its own. */
export interface Silent {
  readonly node: string;
  readonly containers: readonly string[];
}

/** Asks every node that took something whether it is still there. Never rejects. */
export async function silentTargets(agent: Agent, items: readonly EvacuationItem[]): Promise<Silent[]> {
  const moved = items.filter(({ state }) => state === 'moved');
  const nodes = [...new Set(moved.flatMap(({ target }) => target ?? []))];
  const found = await Promise.all(
    nodes.map(async (node) => {
      if (await answers(agent, node)) return [];
      const there = moved.filter(({ target }) => target === node).map(({ container }) => container);
      const owned = await Promise.all(there.map((container) => isOwner(agent, node, container)));
      return [{ node, containers: there.filter((_container, index) => owned[index]) }];
    }),
  );
  return found.flat().filter(({ containers }) => containers.length > 0);
}

async function answers({ bus, subjects, clock }: Agent, node: string): Promise<boolean> {
  for (let tries = 1; ; tries++) {
    const request = bus.request(subjects.node(node, 'info'), { type: 'io.godwit.v1.node.info.request' });
    const answered = await request.then(
      () => true,
      () => false,
    );
    if (answered || tries === TRIES) return answered;
    await clock.sleep(PAUSE_MS);
  }
}

/** It may have moved on before its node fell silent. A record that cannot be read says nothing else. */
async function isOwner({ bus }: Agent, node: string, container: string): Promise<boolean> {
  const seen = await bus.records.get(container).catch(() => 'unreadable' as const);
  return seen === 'unreadable' || seen?.record.owner === node;
}
