import { z } from 'zod';
import { CloudEvent, toGodwitError } from '../../../protocol/mod.ts';
import type { Stoppable } from '../../bus/bus.ts';
import type { Agent } from '../../migration/agent.ts';
import { evacuateNode } from './begin.ts';

const Health = z.object({
  severity: z.string(),
  reason: z.string().default('its monitor reports a critical state'),
});

/**
 * Listens to what any monitor says of this node's health. A critical state evacuates it where its configuration says so, with
 * no exposure: nothing may depend on this node after a commit.
 */
export function listenToHealth(agent: Agent): Promise<Stoppable> {
  const { bus, subjects, config, log } = agent;
  return bus.subscribe(subjects.event('health', config.node), ({ body }) => {
    const event = CloudEvent.safeParse(body);
    const health = event.success ? Health.safeParse(event.data.data) : undefined;
    if (!health?.success) return void log.warn('a health event cannot be read');
    const { severity, reason } = health.data;
    log.warn(
      { severity, reason, evacuates: config.evacuateWhenFailing },
      'a monitor reports on the health of this node',
    );
    if (severity !== 'critical' || !config.evacuateWhenFailing) return;
    evacuateNode(agent, {
      type: 'io.godwit.v1.node.evacuate.request',
      parallel: config.movesOutMax,
      deadlineMs: 3_600_000,
      maxExposureMs: 0,
      dryRun: false,
      unsafe: false,
      automatic: true,
      reason: `health: ${reason}`,
    }).catch((error: unknown) => {
      const { code } = toGodwitError(error);
      if (code !== 'JOB_STATE') log.error({ err: error }, 'the node could not be evacuated');
    });
  });
}
