import { GodwitError, toGodwitError } from '../../protocol/errors.ts';
import type { Job } from '../../protocol/job.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { Session } from '../bus/session.ts';
import type { JobFeed } from './feed.ts';
import { askOwner, type Verdict } from './settle.ts';

/** Shows a job as it goes on. */
export interface Reporter {
  update(job: Job): void;
  /** A remark that must be seen, such as a silent node. */
  say(text: string): void;
  end(): void;
}

/** No event for this long: the job is asked for, so that a lost event never hangs us. */
const QUIET_MS = 2_000;

/**
 * Follows a job to its end. `started` is what is known of it so far. While its node is silent it keeps trying until the
 * move's own timeout plus a grace is over. Ends with undefined when `signal` is aborted (detached).
 * @throws GodwitError OUTCOME_UNKNOWN when the node stayed silent and the owner gives no verdict, JOB_NOT_FOUND
 */
export async function followJob(
  session: Session,
  feed: JobFeed,
  started: Job,
  options: { readonly timeoutMs: number; readonly signal: AbortSignal; readonly reporter: Reporter },
): Promise<Job | undefined> {
  const { signal, reporter } = options;
  const startedAt = performance.now();
  let job = started;
  let silentAt: number | undefined;
  while (!signal.aborted) {
    if (job.state === 'ended') return job;
    const event = await feed.next(job.job, QUIET_MS, signal);
    if (signal.aborted) break;
    const asked = event ?? (await ask(session, job.job));
    if (!(asked instanceof GodwitError)) {
      if (silentAt !== undefined) reporter.say(`${job.node} answers again`);
      silentAt = undefined;
      job = asked;
      reporter.update(job);
      continue;
    }
    if (silentAt === undefined) {
      silentAt = performance.now();
      reporter.say(
        `${job.node}, which runs job ${job.job}, does not answer (${asked.message}); still trying`,
      );
    }
    const verdict = await verdictOn(session, job, asked);
    // A source that owns the container has only failed when nobody knows the job: a slow one may still be at it.
    const settled = verdict.kind === 'moved' || (verdict.kind === 'stayed' && asked.code === 'JOB_NOT_FOUND');
    if (settled) return withoutItsNode(job, verdict.kind, verdict.text);
    if (performance.now() > Math.max(startedAt + options.timeoutMs, silentAt) + LIMITS.requestMs) {
      throw new GodwitError('OUTCOME_UNKNOWN', {
        container: job.container,
        problem: `${job.node}, which runs job ${job.job}, does not answer; ${verdict.text}`,
      });
    }
  }
  return undefined;
}

/** A checkpoint and a restore are between one node and its store: nobody else knows how they ended. */
async function verdictOn(session: Session, job: Job, { code }: GodwitError): Promise<Verdict> {
  if (job.kind === 'migrate') return askOwner(session, job);
  const text = `only ${job.node} knows what became of it`;
  return { kind: code === 'JOB_NOT_FOUND' ? 'stayed' : 'unknown', text };
}

/** The job as its node tells it, or why it does not. */
async function ask(session: Session, id: string): Promise<Job | GodwitError> {
  try {
    return (await session.request('job', id, 'info', {}, { timeoutMs: QUIET_MS })).job;
  } catch (error) {
    return toGodwitError(error);
  }
}

/** The end of a job whose node lost it, as far as the record tells: what was not measured stays absent. */
function withoutItsNode(job: Job, kind: Verdict['kind'], text: string): Job {
  if (kind === 'moved') return { ...job, state: 'ended', outcome: 'done' };
  const problem = `${job.node} no longer knows the job; ${text}`;
  const error =
    job.kind === 'migrate'
      ? new GodwitError('MOVE_ABORTED', { problem })
      : new GodwitError('JOB_ABORTED', { what: job.kind, problem });
  return { ...job, state: 'ended', outcome: 'failed', error: { ...error.toWire() } };
}
