import type { Command } from 'commander';
import { GodwitError, toGodwitError } from '../../protocol/errors.ts';
import type { Job } from '../../protocol/job.ts';
import { LIMITS } from '../../protocol/limits.ts';
import { action, type Cli } from '../action.ts';
import type { Session } from '../bus/session.ts';
import type { Context } from '../context.ts';
import { writeList, writeOne } from '../output/document.ts';
import { writeError } from '../output/error.ts';
import { formatMs, formatRate, formatTime } from '../output/format.ts';
import { queueWords } from '../output/queue.ts';
import type { Column } from '../output/table.ts';
import { parsePositiveDuration } from '../parse/duration.ts';
import { jobId, nodeId } from '../parse/names.ts';
import { parseRate } from '../parse/size.ts';

/** It waits for both nodes to obey. */
const RESOLVE_MS = 15_000;

interface Changes {
  readonly maxDowntime?: number;
  readonly bandwidth?: number;
}

interface Picture {
  readonly timeline?: true;
  readonly svg?: string;
}

/** `godwit job ls|show|watch|set|abort|resolve`. */
export function register(program: Command, cli: Cli): void {
  const noun = program
    .command('job')
    .summary('list, watch, change, abort and resolve jobs')
    .description('Works on jobs: moves, checkpoints, restores.');
  noun
    .command('ls')
    .description(
      'Lists the jobs the nodes remember, newest last. `queued 2`: one more goes before it from its node; `waits for n2`: that ' +
        'node has enough to do.',
    )
    .action(action(cli, (context) => list(context)));
  noun
    .command('show')
    .description('Shows one job: phases with their times, rounds, bytes, outcome, what CRIU said.')
    .argument('<job>', 'job id', jobId)
    .option('--timeline', 'draw the phases of both nodes over time')
    .option('--svg <file>', 'write that picture as SVG')
    .action(action(cli, (context, options: Picture, id: string) => show(context, options, id)));
  noun
    .command('watch')
    .description('Follows a job to its end; the exit code is that of its outcome. Ctrl-C detaches.')
    .argument('<job>', 'job id', jobId)
    .action(action(cli, (context, _options: object, id: string) => watch(context, id)));
  noun
    .command('set')
    .description('Changes what a running move aims at, from the next decision on.')
    .argument('<job>', 'job id', jobId)
    .option('--max-downtime <duration>', 'downtime to aim at', parsePositiveDuration)
    .option('--bandwidth <rate>', 'limit, such as 100MiB/s', parseRate)
    .action(action(cli, (context, options: Changes, id: string) => change(context, options, id)));
  noun
    .command('abort')
    .description('Ends a move that is queued, or before its commit; the container runs on at the source.')
    .argument('<job>', 'job id', jobId)
    .option('--reason <text>', 'said in the job record', 'aborted by request')
    .action(
      action(cli, async (context, options: { reason: string }, id: string) => {
        const session = await context.session();
        const { job } = await session.request('job', id, 'abort', { reason: options.reason });
        await writeOne(context.terminal, context.format, {
          document: job,
          name: job.job,
          text: () => `job ${id}: ${job.outcome ?? 'is being aborted'}\n`,
        });
        return 0;
      }),
    );
  noun
    .command('resolve')
    .description(
      'Settles a move in doubt: the copy on one of its two nodes is kept for good, the other one goes. Refused where that ' +
        'would make two copies, or leave none.',
    )
    .argument('<job>', 'job id', jobId)
    .requiredOption('--keep <node>', 'node whose copy is kept', nodeId)
    .option('--force', 'the other node is dead for good and will never come back: do not wait for its word')
    .action(action(cli, (context, options: Decision, id: string) => resolve(context, options, id)));
}

interface Decision {
  readonly keep: string;
  readonly force?: boolean;
}

async function resolve(context: Context, { keep, force }: Decision, id: string): Promise<number> {
  const session = await context.session();
  const decision = { keep, force: force === true };
  try {
    const { job } = await session.request('job', id, 'resolve', decision, { timeoutMs: RESOLVE_MS });
    const text = () =>
      job.outcome === 'lost'
        ? `job ${id}: ${job.container} is given up; it is stopped on ${keep}\n`
        : `job ${id}: the copy of ${job.container} on ${keep} is kept\n`;
    await writeOne(context.terminal, context.format, { document: job, name: job.job, text });
    return 0;
  } catch (error) {
    const { code } = toGodwitError(error);
    if (code !== 'JOB_NOT_FOUND' && code !== 'BUS_TIMEOUT') throw error;
    const name = await containerOf(session, id);
    if (name === undefined) throw error;
    // Its source is dead, or has forgotten it: what is left is with the owner of the container.
    const body = { job: id, ...decision };
    const { container } = await session.request('container', name, 'resolve', body, {
      timeoutMs: RESOLVE_MS,
    });
    const text = () => `job ${id}: ${name} is given up; it is stopped on ${container.owner}\n`;
    await writeOne(context.terminal, context.format, { document: container, name, text });
    return 0;
  }
}

/** The container whose record is part of this job, as long as its owner answers. */
async function containerOf(session: Session, id: string): Promise<string | undefined> {
  const { replies } = await session.gather('info');
  return replies.flatMap((node) => node.containers).find((container) => container.job === id)?.name;
}

async function list(context: Context): Promise<number> {
  const { replies, problems } = await (await context.session()).gather('jobs');
  for (const problem of problems) writeError(context.terminal, problem, context);
  const items = replies.flatMap((reply) => reply.jobs).sort((a, b) => a.startedAtMs - b.startedAtMs);
  await writeList(
    context.terminal,
    { type: 'io.godwit.v1.job.list', items, columns: COLUMNS, name: (job) => job.job },
    context,
  );
  return problems[0]?.exitCode ?? 0;
}

async function show(context: Context, { timeline, svg }: Picture, id: string): Promise<number> {
  const { terminal, format } = context;
  const { job } = await (await context.session()).request('job', id, 'info', {});
  const [{ describeJob }, { drawTimeline, saveTimeline }] = await Promise.all([
    import('../follow/describe.ts'),
    import('../follow/timeline/mod.ts'),
  ]);
  if (svg !== undefined) await saveTimeline(job, svg);
  const drawn = timeline ? `\n${drawTimeline(job, terminal.columns())}` : '';
  await writeOne(terminal, format, { document: job, name: job.job, text: () => describeJob(job) + drawn });
  return 0;
}

async function change(context: Context, options: Changes, id: string): Promise<number> {
  const { maxDowntime, bandwidth } = options;
  if (maxDowntime === undefined && bandwidth === undefined)
    throw new GodwitError('USAGE', { problem: 'nothing to set: give --max-downtime or --bandwidth' });
  const session = await context.session();
  const { job } = await session.request('job', id, 'set', {
    ...(maxDowntime === undefined ? {} : { maxDowntimeMs: maxDowntime }),
    ...(bandwidth === undefined ? {} : { bandwidthBytesPerSecond: bandwidth }),
  });
  const changed = [
    ...(maxDowntime === undefined ? [] : [`aims at a downtime of ${formatMs(maxDowntime)}`]),
    ...(bandwidth === undefined ? [] : [`sends at most ${formatRate(bandwidth)}`]),
  ];
  await writeOne(context.terminal, context.format, {
    document: job,
    name: job.job,
    text: () => `job ${id}: now ${changed.join(', ')}\n`,
  });
  return 0;
}

async function watch(context: Context, id: string): Promise<number> {
  const signal = context.interrupted();
  const session = await context.session();
  const [{ openJobFeed }, { watchJob }] = await Promise.all([
    import('../follow/feed.ts'),
    import('../follow/watch.ts'),
  ]);
  const feed = openJobFeed(session);
  try {
    const { job } = await session.request('job', id, 'info', {});
    return await watchJob(context, session, feed, job, { timeoutMs: LIMITS.moveMs, signal, stream: true });
  } finally {
    feed.stop();
  }
}

const COLUMNS: readonly Column<Job>[] = [
  { title: 'JOB', cell: (job) => job.job },
  { title: 'CONTAINER', cell: (job) => job.container },
  { title: 'SOURCE', cell: (job) => job.source },
  { title: 'TARGET', cell: (job) => job.target },
  { title: 'MODE', cell: (job) => (job.kind === 'migrate' ? job.mode : job.kind) },
  { title: 'STATE', cell: (job) => job.outcome ?? queueWords(job) ?? job.progress.phase },
  { title: 'STARTED', cell: (job) => formatTime(job.startedAtMs) },
  { title: 'DOWNTIME', cell: (job) => formatMs(job.downtimeMs), align: 'right' },
  { title: 'TOTAL', cell: (job) => formatMs(job.totalMs), align: 'right' },
  { title: 'EXPOSURE', cell: (job) => formatMs(job.exposureMs), align: 'right', wide: true },
  { title: 'REASON', cell: (job) => job.error?.message, wide: true },
];
