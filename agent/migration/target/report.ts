import type { JobPhase, JobReport } from '../../../protocol/mod.ts';
import type { Agent } from '../agent.ts';
import { tellUntil } from '../tell.ts';

/** What the target says of a move, without what every report says. */
export type Report = Omit<Partial<JobReport>, 'type'> & Pick<JobReport, 'kind'>;

/** Tells the source, until it has heard or `enough` says so. */
export async function reportTo(
  agent: Agent,
  job: string,
  phases: readonly JobPhase[],
  report: Report,
  enough: () => boolean,
): Promise<void> {
  const nowMs = agent.clock.nowMs();
  const body = {
    type: 'io.godwit.v1.job.report',
    job,
    node: agent.config.node,
    nowMs,
    phases: ended(phases, nowMs),
    ...report,
  };
  await tellUntil(agent, agent.subjects.job(job, 'report'), body, enough);
}

/** The phase begins; the one before it ends now. */
export function withPhase(phases: readonly JobPhase[], phase: JobPhase): JobPhase[] {
  return [...ended(phases, phase.startMs), phase];
}

function ended(phases: readonly JobPhase[], nowMs: number): JobPhase[] {
  return phases.map((phase) => ({ ...phase, endMs: phase.endMs ?? nowMs }));
}
