import { type Command, Option } from 'commander';
import { GodwitError } from '../../protocol/errors.ts';
import type { Job } from '../../protocol/job.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { MigrateReply, MigrateRequest } from '../../protocol/messages/container.ts';
import { isToken } from '../../protocol/names.ts';
import { action, type Cli } from '../action.ts';
import type { Session } from '../bus/session.ts';
import type { Context } from '../context.ts';
import { acceptedJob } from '../follow/accepted-job.ts';
import { writeOne } from '../output/document.ts';
import { parseDuration, parsePositiveDuration } from '../parse/duration.ts';
import { containerName, nodeId } from '../parse/names.ts';
import { parseRate } from '../parse/size.ts';
import { parseIterations, parseRounds } from '../parse/values.ts';

interface Options {
  readonly mode?: MigrateRequest['mode'];
  readonly iterations?: number | 'dynamic';
  readonly maxDowntime?: number;
  readonly maxExposure?: number;
  readonly maxRounds?: number;
  readonly onNonconverge?: MigrateRequest['onNonconverge'];
  readonly bandwidth?: number;
  readonly timeout: number;
  readonly dryRun?: boolean;
  readonly unsafe?: boolean;
  readonly detach?: boolean;
}

/** The pre-flight of both ends happens before the answer. */
const ACCEPT_MS = 30_000;

/** `godwit migrate NAME [NODE]`: asks the owner to move the container, then follows the job. */
export function register(program: Command, cli: Cli): void {
  program
    .command('migrate')
    .summary('move a running container to another node')
    .description(
      'Asks the owner of a container to move it, and follows the move to its end. The first Ctrl-C detaches: the move ' +
        'goes on. Without a node, one is found.',
    )
    .argument('<name>', 'container', containerName)
    .argument('[node]', 'target', nodeId)
    .addOption(
      new Option('--mode <mode>', 'how to move').choices(['auto', 'cold', 'precopy', 'postcopy', 'hybrid']),
    )
    .option('--iterations <n>', 'pre-dumps: a number, or dynamic', parseIterations)
    .option('--max-downtime <duration>', 'downtime to aim at', parsePositiveDuration)
    .option('--max-exposure <duration>', 'how long the source may matter after the commit', parseDuration)
    .option('--max-rounds <n>', 'pre-dumps at most', parseRounds)
    .addOption(
      new Option('--on-nonconverge <policy>', 'when rounds stop helping').choices([
        'cutover',
        'abort',
        'postcopy',
        'throttle',
      ]),
    )
    .option('--bandwidth <rate>', 'limit, such as 100MiB/s', parseRate)
    .addOption(
      new Option('--timeout <duration>', 'undo the move after this time')
        .argParser(parsePositiveDuration)
        .default(LIMITS.moveMs, '10m'),
    )
    .option('--dry-run', 'only say what would happen: pre-flight, mode, predicted downtime')
    .option('--unsafe', 'skip the refusals that may be skipped')
    .option('--detach', 'print the job id and do not wait')
    .action(
      action(cli, (context, options: Options, name: string, node?: string) =>
        migrate(context, options, name, node),
      ),
    );
}

async function migrate(context: Context, options: Options, name: string, node?: string): Promise<number> {
  const signal = context.interrupted();
  const session = await context.session();
  const { openJobFeed } = await import('../follow/feed.ts');
  if (signal.aborted) return 130; // While connecting: nothing was sent, so nothing moves.
  const feed = openJobFeed(session); // Before the request: the first events may come before its answer.
  try {
    const reply = await Promise.race([
      accept(context, session, name, request(options, node)),
      detached(signal),
    ]);
    if (reply === undefined) {
      context.terminal.err('godwit: detached; if the move was accepted, `godwit job ls` shows it\n');
      return 130;
    }
    if (options.dryRun === true) {
      const { writePreflight } = await import('../follow/preflight.ts');
      return await writePreflight(context, reply, { unsafe: options.unsafe === true });
    }
    if (reply.job === undefined || !isToken(reply.job)) {
      const subject = session.subjects.container(name, 'migrate');
      throw new GodwitError('MESSAGE_INVALID', { subject, problem: 'job: an accepted move has an id' });
    }
    if (options.detach === true) {
      const job = reply.job;
      await writeOne(context.terminal, context.format, {
        document: reply,
        name: job,
        text: () => `${job}\n`,
      });
      return 0;
    }
    const { watchJob } = await import('../follow/watch.ts');
    return await watchJob(context, session, feed, jobOf(reply, reply.job), {
      timeoutMs: options.timeout,
      signal,
      stream: false,
    });
  } finally {
    feed.stop();
  }
}

/** Asks the owner. No answer does not mean that nothing happened: that is said too. */
async function accept(
  context: Context,
  session: Session,
  name: string,
  body: Omit<MigrateRequest, 'type'>,
): Promise<MigrateReply> {
  try {
    return await session.request('container', name, 'migrate', body, { timeoutMs: ACCEPT_MS });
  } catch (error) {
    const unanswered = error instanceof GodwitError && error.code === 'BUS_TIMEOUT' && !body.dryRun;
    if (unanswered && !context.json) {
      context.terminal.err(
        'godwit: the move may have been accepted all the same; `godwit job ls` shows it\n',
      );
    }
    throw error;
  }
}

function request(options: Options, node: string | undefined): Omit<MigrateRequest, 'type'> {
  return {
    ...(node === undefined ? {} : { target: node }),
    ...(options.mode === undefined ? {} : { mode: options.mode }),
    ...(options.iterations === undefined ? {} : { iterations: options.iterations }),
    ...(options.maxDowntime === undefined ? {} : { maxDowntimeMs: options.maxDowntime }),
    ...(options.maxExposure === undefined ? {} : { maxExposureMs: options.maxExposure }),
    ...(options.maxRounds === undefined ? {} : { maxRounds: options.maxRounds }),
    ...(options.onNonconverge === undefined ? {} : { onNonconverge: options.onNonconverge }),
    ...(options.bandwidth === undefined ? {} : { bandwidthBytesPerSecond: options.bandwidth }),
    timeoutMs: options.timeout,
    dryRun: options.dryRun === true,
    unsafe: options.unsafe === true,
  };
}

function jobOf({ container, source, target, mode, modeReason }: MigrateReply, job: string): Job {
  const known = { kind: 'migrate', job, container, node: source, source, target, modeReason } as const;
  return acceptedJob({ ...known, mode: mode === 'auto' ? 'cold' : mode });
}

function detached(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
