import { type ContainerRecord, GodwitError, type Job, type Outcome } from '../../protocol/mod.ts';
import type { JobTracker } from '../jobs/tracker.ts';
import type { Agent } from '../migration/agent.ts';

const LOOK_MS = 3_000;

/**
 * Ends a job without notes: it had not begun, or nothing was left to do but to say so, or this node lost power and its copy
 * with it. The container's record tells which, and for one in doubt later on.
 */
export function endForgotten(agent: Agent, tracker: JobTracker): void {
  const { state, outcome, kind } = tracker.current;
  if (state === 'ended' && outcome !== 'in-doubt') return;
  if (kind !== 'migrate') {
    const problem = `the agent on ${agent.config.node} restarted`;
    return tracker.end('failed', new GodwitError('JOB_ABORTED', { what: kind, problem }).toWire());
  }
  tracker.set({ frozenCopy: false });
  void follow(agent, tracker).catch((error: unknown) => {
    agent.log.error({ job: tracker.current.job, err: error }, 'how a job ended is not known');
  });
}

async function follow({ bus, clock, config }: Agent, tracker: JobTracker): Promise<void> {
  for (;;) {
    const { container, outcome } = tracker.current;
    // An operator's word ends it as well.
    if (outcome === 'lost') return;
    const record = await bus.records.get(container).then(
      (seen) => seen?.record ?? 'gone',
      (error: unknown) => {
        if (error instanceof GodwitError) return undefined;
        throw error;
      },
    );
    const ending = record && endOf(tracker.current, record);
    if (ending && ending !== outcome) tracker.end(ending, errorOf(ending, container, config.node));
    if (ending && ending !== 'in-doubt') return;
    await clock.sleep(LOOK_MS);
  }
}

function endOf({ job, target, outcome }: Job, record: ContainerRecord | 'gone'): Outcome {
  if (record === 'gone') return outcome === 'in-doubt' ? 'lost' : 'failed';
  const { owner, phase } = record;
  if (owner !== target) return outcome === 'in-doubt' ? 'lost' : 'failed';
  // This node had the only other copy.
  if (phase === 'lost') return 'lost';
  if (record.job?.id === job) return 'in-doubt';
  return outcome === 'in-doubt' && phase !== 'running' ? 'lost' : 'done';
}

function errorOf(outcome: Outcome, container: string, node: string) {
  const problem = `the agent on ${node} restarted`;
  switch (outcome) {
    case 'done':
      return undefined;
    case 'in-doubt':
      return new GodwitError('OUTCOME_UNKNOWN', { container, problem }).toWire();
    case 'lost':
      return new GodwitError('CONTAINER_LOST', { container, problem: `${node} lost its copy` }).toWire();
    default:
      return new GodwitError('MOVE_ABORTED', { problem }).toWire();
  }
}
