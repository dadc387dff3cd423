import { EXCHANGES } from '../../../protocol/mod.ts';
import type { Stoppable } from '../../bus/bus.ts';
import type { JobControl } from '../../jobs/jobs.ts';
import { serveVerbs } from '../../node/endpoints.ts';
import type { Agent } from '../agent.ts';
import type { SourceMove } from './move.ts';
import { resolveMove } from './resolve.ts';

/** A job whose move can be told things. */
export interface MoveControl extends JobControl {
  /** Not before a place was found; never for a job that was over before this agent began. */
  readonly move: SourceMove | undefined;
}

/** Answers for a job on the bus. */
export function serveJob(agent: Agent, control: MoveControl): Promise<Stoppable> {
  const { tracker } = control;
  const answer = () => ({ job: tracker.current });
  return serveVerbs(agent.bus, agent.subjects.jobAny(tracker.current.job), EXCHANGES.job, {
    info: async () => answer(),
    abort: async ({ reason }) => {
      control.abort(reason);
      return answer();
    },
    set: async (changes) => {
      control.adjust(changes);
      return answer();
    },
    resolve: async (request) => {
      await resolveMove(agent, control, request);
      return answer();
    },
    report: async (report) => {
      control.move?.report(report);
      return {};
    },
    remark: async ({ text }) => {
      tracker.remark(text);
      return {};
    },
  });
}
