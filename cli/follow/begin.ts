import type { Job } from '../../protocol/job.ts';
import type { Session } from '../bus/session.ts';
import type { Context } from '../context.ts';
import { writeOne } from '../output/document.ts';
import { acceptedJob } from './accepted-job.ts';
import { openJobFeed } from './feed.ts';
import { watchJob } from './watch.ts';

/** What a node says of a job that it has accepted. */
export interface Begun {
  readonly kind: Exclude<Job['kind'], 'migrate'>;
  readonly job: string;
  readonly container: string;
  readonly node: string;
}

/**
 * Asks for a checkpoint or restore and follows it to its end; with `detach` only the job's id is written.
 * @throws GodwitError whatever `ask` throws
 */
export async function beginAndFollow<Reply extends object>(
  context: Context,
  session: Session,
  options: { readonly timeoutMs: number; readonly detach: boolean },
  ask: () => Promise<{ readonly reply: Reply; readonly begun: Begun }>,
): Promise<number> {
  const signal = context.interrupted();
  const feed = openJobFeed(session); // Before the request: the first events may come before its answer.
  try {
    const { reply, begun } = await ask();
    if (options.detach) {
      const { job } = begun;
      await writeOne(context.terminal, context.format, {
        document: reply,
        name: job,
        text: () => `${job}\n`,
      });
      return 0;
    }
    const { timeoutMs } = options;
    const job = acceptedJob({ ...begun, source: begun.node, target: begun.node });
    return await watchJob(context, session, feed, job, { timeoutMs, signal, stream: false });
  } finally {
    feed.stop();
  }
}
