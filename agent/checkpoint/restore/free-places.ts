import { type DomainSpec, GodwitError } from '../../../protocol/mod.ts';
import { Turns } from '../../effects/turns.ts';
import type { Agent } from '../../migration/agent.ts';
import { copiedTrees } from '../../migration/rootfs.ts';
import { refuse } from '../../preflight/catalogue.ts';
import { usersOf } from '../../preflight/users.ts';
import { some } from '../../preflight/words.ts';
import { roomAt } from '../../rootfs/mod.ts';
import { swapTrees } from './trees.ts';

type Host = Pick<Agent, 'config' | 'containers' | 'arriving'>;

/** To look and to exchange is one step: two at the same time would both find the place free. */
const turns = new Turns();

/**
 * What was unpacked takes its places, unless others have come there since pre-flight: moves, and restores, of which nothing tells
 * before their commit but what lies there. @throws GodwitError CHECKPOINT_REFUSED, HOST_FAILED
 */
export function takeFreePlaces(host: Host, spec: DomainSpec, job: string): Promise<void> {
  return turns.inTurn('places', async () => {
    await assertStillFree(host, spec);
    await swapTrees(spec, job);
  });
}

async function assertStillFree({ config, containers, arriving }: Host, spec: DomainSpec): Promise<void> {
  const others = [...containers.list(), ...arriving.values()].map((other) => other.spec);
  const taken: string[] = [];
  for (const { uuid, root } of copiedTrees(spec)) {
    const room = await roomAt(config.stateDir, { uuid, root });
    if (room === 'taken' || usersOf(root, spec, others).length > 0) taken.push(root);
  }
  if (taken.length === 0) return;
  const { node } = config;
  const refusal = refuse('ROOTFS_TAKEN', node, some(taken));
  throw new GodwitError('CHECKPOINT_REFUSED', {
    what: 'restore',
    container: spec.name,
    node,
    problem: refusal.message,
    refusals: [refusal],
  });
}
