import { GodwitError } from '../../protocol/errors.ts';
import type { Job } from '../../protocol/job.ts';
import { documentOf } from '../../protocol/job-results.ts';
import type { Session } from '../bus/session.ts';
import type { Context } from '../context.ts';
import { printable } from '../output/text.ts';
import type { JobFeed } from './feed.ts';
import { followJob, type Reporter } from './follow.ts';
import { createReporter } from './progress.ts';
import { writeEnd } from './summary.ts';

/**
 * Follows a job on the screen and returns the exit code of its outcome; 130 when the first Ctrl-C detached us.
 * With `stream` and --json each state of the job is a line of NDJSON on stdout, the result the last one.
 */
export async function watchJob(
  context: Context,
  session: Session,
  feed: JobFeed,
  job: Job,
  options: { readonly timeoutMs: number; readonly signal: AbortSignal; readonly stream: boolean },
): Promise<number> {
  const { terminal } = context;
  const ndjson = options.stream && context.json;
  const reporter = ndjson ? ndjsonReporter(context) : createReporter(terminal, { quiet: context.json });
  try {
    reporter.update(job);
    const ended = await followJob(session, feed, job, { ...options, reporter });
    reporter.end();
    if (ended !== undefined) return await writeEnd(context, ended, { ndjson });
    terminal.err(`godwit: detached; job ${job.job} goes on\n`);
    terminal.err(
      `hint: abort it with \`godwit job abort ${job.job}\`, see it with \`godwit job watch ${job.job}\`\n`,
    );
    return 130;
  } catch (error) {
    reporter.end();
    if (error instanceof GodwitError && error.code === 'OUTCOME_UNKNOWN' && context.json) {
      // A program that reads stdout gets its document in this case too.
      const lost: Job = { ...job, state: 'ended', outcome: 'in-doubt', error: error.toWire() };
      terminal.out(`${JSON.stringify(documentOf(lost), undefined, ndjson ? undefined : 2)}\n`);
    }
    throw error;
  }
}

function ndjsonReporter({ terminal }: Context): Reporter {
  return {
    update: (job) => terminal.out(`${JSON.stringify(job)}\n`),
    say: (text) => terminal.err(`godwit: ${printable(text)}\n`),
    end: () => undefined,
  };
}
