import type { Announce } from '../../protocol/mod.ts';
import type { Stoppable } from '../bus/bus.ts';
import { memoryAvailableBytes } from '../host/kernel.ts';
import type { Agent } from '../migration/agent.ts';

const PERIOD_MS = 1_000;
/** Agents that started together drift apart by this share of the period. */
const JITTER = 0.2;

/** Tells the cluster about once a second that this node is here and how it is. */
export function startAnnouncing(agent: Agent): Stoppable {
  const stop = new AbortController();
  const announce = async () => {
    for (let sequence = 0; !stop.signal.aborted; sequence++) {
      const load = agent.load.node();
      const message: Announce = {
        type: 'io.godwit.v1.announce',
        node: agent.config.node,
        state: agent.node.state,
        incarnation: agent.incarnation,
        sequence,
        address: agent.config.address,
        containers: agent.containers.list().length,
        memoryAvailableBytes: await memoryAvailableBytes(),
        labels: agent.config.labels,
        capacity: agent.load.capacity,
        ...(load ? { load } : {}),
      };
      agent.bus.publish(agent.subjects.announce(agent.config.node), message);
      await agent.clock.sleep(PERIOD_MS * (1 + JITTER * (agent.random.next() - 0.5)), stop.signal);
    }
  };
  const running = announce().catch((error: unknown) => {
    if (!stop.signal.aborted) agent.log.error({ err: error }, 'no longer announced');
  });
  return {
    stop: async () => {
      stop.abort(new Error('the agent stops'));
      await running;
    },
  };
}
