import type { Job } from '../../protocol/job.ts';
import { CloudEvent } from '../../protocol/messages/event.ts';
import { JobEvent } from '../../protocol/messages/job.ts';
import type { Session } from '../bus/session.ts';

/** Jobs as their events tell them, newest state only (every event carries the whole job). */
export interface JobFeed {
  /** The job's next state; undefined when none came within `ms`, or at once when `signal` is aborted. */
  next(job: string, ms: number, signal: AbortSignal): Promise<Job | undefined>;
  stop(): void;
}

/** Jobs remembered between their event and the question for them; the oldest goes first. */
const KEPT = 64;

/**
 * Listens to the events of all jobs. Opened before a request is sent, so that nothing of the job it starts is missed.
 * Unreadable events are ignored: anybody may publish, and the job is polled anyway.
 */
export function openJobFeed(session: Session): JobFeed {
  const latest = new Map<string, Job>();
  let wake: (() => void) | undefined;
  const subscription = session.nats.subscribe(session.subjects.eventTopic('job'), {
    callback: (error, message) => {
      const job = error === null ? readJob(message.data) : undefined;
      if (job === undefined) return;
      latest.delete(job.job);
      latest.set(job.job, job);
      if (latest.size > KEPT) latest.delete([...latest.keys()][0] ?? '');
      wake?.();
    },
  });
  return {
    async next(job, ms, signal) {
      const deadline = performance.now() + ms;
      while (!latest.has(job) && !signal.aborted) {
        const leftMs = deadline - performance.now();
        if (leftMs <= 0) return undefined;
        await woken(leftMs, signal);
      }
      const found = latest.get(job);
      latest.delete(job);
      return found;
    },
    stop: () => subscription.unsubscribe(),
  };

  function woken(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done);
      wake = done;
    });
  }
}

function readJob(data: Uint8Array): Job | undefined {
  try {
    const event = CloudEvent.safeParse(JSON.parse(new TextDecoder().decode(data)));
    const inner = event.success ? JobEvent.safeParse(event.data.data) : undefined;
    return inner?.success === true ? inner.data.job : undefined;
  } catch {
    return undefined;
  }
}
