import type { Versioned } from '../../../agent/bus/bus.ts';
import { OwnedContainers } from '../../../agent/containers/owned.ts';
import { followDoubt } from '../../../agent/recovery/doubt.ts';
import { type SourcePhase, subjects, verbOf } from '../../../protocol/mod.ts';
import * as messages from '../../support/messages.ts';
import { request } from './bus.ts';
import type { Life } from './life.ts';
import { CONTAINER, JOB } from './names.ts';
import type { SimNode } from './node.ts';
import { SourceMove } from './source-move.ts';
import type { World } from './world.ts';

const NOTHING_FROZEN: readonly SourcePhase[] = ['preparing', 'claiming', 'ended'];

/** The agent's own way to follow a doubt, with the parts of an agent that it needs. */
export async function follow(world: World, node: SimNode, life: Life, seen: Versioned): Promise<void> {
  const { job } = seen.record;
  if (!job) return;
  const records = world.store.seenBy(node.place, life);
  const agent = {
    bus: {
      records,
      request: (subject: string, body: unknown) => {
        const verb = subject.includes('.job.') ? 'job-info' : `node-${verbOf(subject)}`;
        return request(world, { place: node.place, life }, node.other, { verb, body, timeoutMs: 2_000 });
      },
    },
    containers: new OwnedContainers(records, async () => ({ stop: async () => {} })),
    runtime: {
      sweep: () => life.step(5, () => {}),
      undefine: () =>
        life.step(5, () => {
          node.host.copy = 'absent';
        }),
    },
    config: { node: node.place },
    clock: node.clock(life),
    log: { warn: () => {}, error: () => {} },
    subjects: subjects('sim'),
  };
  await agent.containers.adopt(seen);
  await followDoubt(agent as never, seen, job);
  world.note(node.place, () => 'is in doubt no more');
}

/** What the source's agent says of the job: above all whether it holds a frozen copy. */
export function jobInfo({ move }: SimNode): unknown {
  const frozenCopy = move instanceof SourceMove && !NOTHING_FROZEN.includes(move.phase);
  const parts = { job: JOB, container: CONTAINER, source: 'S', target: 'T', node: 'S', frozenCopy };
  return { type: 'io.godwit.v1.job.info', job: messages.job(parts) };
}

/** What a node says of itself: above all which start of its agent answers. */
export function nodeInfo(node: SimNode): unknown {
  return messages.nodeInfo(node.place, { incarnation: `${node.starts}` });
}
