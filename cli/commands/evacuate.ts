import type { Command } from 'commander';
import type { EvacuateReply, EvacuateRequest } from '../../protocol/messages/evacuate.ts';
import { action, type Cli } from '../action.ts';
import type { Context } from '../context.ts';
import { writeOne } from '../output/document.ts';
import { formatTable } from '../output/table.ts';
import { parseDuration, parsePositiveDuration } from '../parse/duration.ts';
import { nodeId } from '../parse/names.ts';
import { parseParallel } from '../parse/values.ts';

interface Options {
  readonly parallel: number;
  readonly deadline: number;
  readonly maxExposure?: number;
  readonly dryRun?: true;
  readonly unsafe?: true;
  readonly detach?: true;
}

/** A dry run holds an auction for each container. */
const ACCEPT_MS = 60_000;
const NO_TARGET_EXIT = 4;

/** `godwit evacuate NODE`: everything that runs there goes elsewhere. */
export function register(program: Command, cli: Cli): void {
  program
    .command('evacuate')
    .summary('move everything off a node')
    .description(
      'Cordons a node and moves each container that runs there to wherever an auction finds a place, the smallest first. What ' +
        'finds none after three tries keeps running and is listed with the reason (exit code 4). The first Ctrl-C detaches; ' +
        '`godwit job abort` lets no further move begin. The node stays cordoned.',
    )
    .argument('<node>', 'node', nodeId)
    .option('--parallel <n>', 'moves at a time', parseParallel, 1)
    .option('--deadline <duration>', 'let nothing begin after this time', parsePositiveDuration, 3_600_000)
    .option('--max-exposure <duration>', 'of each move; 0 where the node is failing', parseDuration)
    .option('--dry-run', 'only say where each container would go now')
    .option('--unsafe', 'skip the refusals of each move that may be skipped')
    .option('--detach', 'print the job id and do not wait')
    .action(action(cli, (context, options: Options, node: string) => evacuate(context, options, node)));
}

async function evacuate(context: Context, options: Options, node: string): Promise<number> {
  const session = await context.session();
  const { parallel, deadline: deadlineMs, maxExposure: maxExposureMs } = options;
  const body: Omit<EvacuateRequest, 'type' | 'automatic' | 'reason'> = {
    parallel,
    deadlineMs,
    dryRun: options.dryRun === true,
    unsafe: options.unsafe === true,
    ...(maxExposureMs === undefined ? {} : { maxExposureMs }),
  };
  const ask = () => session.request('node', node, 'evacuate', body, { timeoutMs: ACCEPT_MS });
  if (options.dryRun) return writePlan(context, await ask());
  const { beginAndFollow } = await import('../follow/begin.ts');
  return beginAndFollow(
    context,
    session,
    { timeoutMs: deadlineMs, detach: options.detach === true },
    async () => {
      const reply = await ask();
      return { reply, begun: { kind: 'evacuate', job: reply.job ?? '', container: '', node } };
    },
  );
}

async function writePlan(context: Context, reply: EvacuateReply): Promise<number> {
  const columns = [
    { title: 'CONTAINER', cell: ({ container }: EvacuateReply['plan'][number]) => container },
    { title: 'TARGET', cell: ({ target }: EvacuateReply['plan'][number]) => target },
    { title: 'SCORE', cell: ({ score }: EvacuateReply['plan'][number]) => score?.toFixed(2), align: 'right' },
    {
      title: 'REASON',
      cell: ({ refusals }: EvacuateReply['plan'][number]) =>
        refusals.map((refusal) => `${refusal.node}: ${refusal.message}`).join('; '),
    },
  ] as const;
  await writeOne(context.terminal, context.format, {
    document: reply,
    name: reply.node,
    text: () => formatTable(reply.plan, columns, { headers: context.headers }),
  });
  return reply.plan.every(({ target }) => target !== undefined) ? 0 : NO_TARGET_EXIT;
}
