import type { Command } from 'commander';
import { CATALOGUE, GodwitError, toGodwitError } from '../../protocol/errors.ts';
import type { CheckpointDigest } from '../../protocol/messages/checkpoint.ts';
import { action, type Cli } from '../action.ts';
import type { Session } from '../bus/session.ts';
import { chooseNode } from '../choose-node.ts';
import type { Context } from '../context.ts';
import { writeList, writeOne } from '../output/document.ts';
import { writeError } from '../output/error.ts';
import { formatBytes, formatMs, formatTime } from '../output/format.ts';
import type { Column } from '../output/table.ts';
import { parsePositiveDuration } from '../parse/duration.ts';
import { checkpointIds, containerName, nodeId } from '../parse/names.ts';
import { parseKept } from '../parse/values.ts';

interface Place {
  readonly node?: string;
}

interface Bounds extends Place {
  readonly keep?: number;
  readonly maxAge?: number;
  readonly dryRun?: true;
}

const VERIFY_MS = 3_600_000;
const DELETE_MS = 120_000;
const NODE = [
  '--node <node>',
  'whose store; without it that of this machine, or of any that answers',
] as const;

/** `godwit checkpoints [NAME]`, `… verify|delete|prune`. */
export function register(program: Command, cli: Cli): void {
  const noun = program
    .command('checkpoints')
    .summary('list, verify, delete and prune checkpoints')
    .description('Works on the store of checkpoints. Without a verb it lists: `godwit checkpoints redis`.');
  noun
    .command('ls', { isDefault: true })
    .description('Lists the checkpoints of all containers, or of one, newest first.')
    .argument('[name]', 'container', containerName)
    .option(...NODE, nodeId)
    .action(action(cli, (context, options: Place, name?: string) => list(context, options, name)));
  noun
    .command('verify')
    .description('Looks at every byte of checkpoints. The exit code is 8 when one is damaged.')
    .argument('<checkpoints...>', 'ids', checkpointIds)
    .option(...NODE, nodeId)
    .action(action(cli, (context, options: Place, ids: readonly string[]) => verify(context, options, ids)));
  noun
    .command('delete')
    .description('Deletes checkpoints.')
    .argument('<checkpoints...>', 'ids', checkpointIds)
    .option(...NODE, nodeId)
    .action(action(cli, (context, options: Place, ids: readonly string[]) => remove(context, options, ids)));
  noun
    .command('prune')
    .description("Deletes a container's older checkpoints; the newest one always stays.")
    .argument('<name>', 'container', containerName)
    .option('--keep <n>', 'keep so many of the newest', parseKept)
    .option('--max-age <duration>', 'keep none that is older', parsePositiveDuration)
    .option('--dry-run', 'only say which')
    .option(...NODE, nodeId)
    .action(action(cli, (context, options: Bounds, name: string) => prune(context, options, name)));
}

async function list(context: Context, options: Place, name?: string): Promise<number> {
  const session = await context.session();
  const body = name === undefined ? {} : { container: name };
  const { items, damaged } = await session.request(
    'node',
    await nodeOf(session, options),
    'checkpoints',
    body,
  );
  await writeCheckpoints(context, items);
  for (const { id, problem } of damaged) {
    const error = new GodwitError('CHECKPOINT_DAMAGED', { checkpoint: id, file: 'its manifest', problem });
    writeError(context.terminal, error, context);
  }
  return damaged.length > 0 ? CATALOGUE.CHECKPOINT_DAMAGED.exit : 0;
}

function verify(context: Context, options: Place, ids: readonly string[]): Promise<number> {
  return each(context, options, ids, async (session, node, id) => {
    const wait = { timeoutMs: VERIFY_MS };
    const reply = await session.request('node', node, 'checkpoint-verify', { checkpoint: id }, wait);
    const { files, storedBytes } = reply.checkpoint;
    const size = `${files} files, ${formatBytes(storedBytes)}`;
    await writeOne(context.terminal, context.format, {
      document: reply,
      name: id,
      text: () => `${id} is whole: ${size} looked at in ${formatMs(reply.durationMs)}\n`,
    });
  });
}

function remove(context: Context, options: Place, ids: readonly string[]): Promise<number> {
  return each(context, options, ids, async (session, node, id) => {
    const wait = { timeoutMs: DELETE_MS };
    await session.request('node', node, 'checkpoint-delete', { checkpoint: id }, wait);
    await writeOne(context.terminal, context.format, {
      document: { type: 'io.godwit.v1.checkpoint.deleted', checkpoint: id },
      name: id,
      text: () => `${id} is deleted\n`,
    });
  });
}

async function prune(context: Context, options: Bounds, name: string): Promise<number> {
  const { keep, maxAge } = options;
  if (keep === undefined && maxAge === undefined)
    throw new GodwitError('USAGE', { problem: 'nothing says what may go: give --keep or --max-age' });
  const session = await context.session();
  const body = {
    container: name,
    ...(keep === undefined ? {} : { keep }),
    ...(maxAge === undefined ? {} : { maxAgeMs: maxAge }),
    dryRun: options.dryRun === true,
  };
  const node = await nodeOf(session, options);
  const wait = { timeoutMs: DELETE_MS };
  const { items } = await session.request('node', node, 'checkpoint-prune', body, wait);
  await writeCheckpoints(context, items);
  return 0;
}

/** One after the other; what fails is told and does not stop the rest. */
async function each(
  context: Context,
  options: Place,
  ids: readonly string[],
  act: (session: Session, node: string, id: string) => Promise<void>,
): Promise<number> {
  const session = await context.session();
  const node = await nodeOf(session, options);
  let exitCode = 0;
  for (const id of new Set(ids)) {
    try {
      await act(session, node, id);
    } catch (error) {
      const told = toGodwitError(error);
      writeError(context.terminal, told, context);
      exitCode ||= told.exitCode;
    }
  }
  return exitCode;
}

async function nodeOf(session: Session, { node }: Place): Promise<string> {
  return node ?? (await chooseNode(session));
}

function writeCheckpoints(context: Context, items: readonly CheckpointDigest[]): Promise<void> {
  return writeList(
    context.terminal,
    { type: 'io.godwit.v1.checkpoint.list', items, columns: COLUMNS, name: ({ id }) => id },
    context,
  );
}

const COLUMNS: readonly Column<CheckpointDigest>[] = [
  { title: 'CHECKPOINT', cell: ({ id }) => id },
  { title: 'CONTAINER', cell: ({ container }) => container },
  { title: 'NODE', cell: ({ node }) => node },
  { title: 'MADE', cell: ({ createdAtMs }) => new Date(createdAtMs).toISOString().slice(0, 10) },
  { title: 'AT', cell: ({ createdAtMs }) => formatTime(createdAtMs) },
  { title: 'BY', cell: ({ trigger }) => trigger },
  { title: 'SIZE', cell: ({ bytes, rootfsBytes }) => formatBytes(bytes + rootfsBytes), align: 'right' },
  { title: 'STORED', cell: ({ storedBytes }) => formatBytes(storedBytes), align: 'right' },
  { title: 'SINCE', cell: ({ parent }) => parent ?? '-', wide: true },
  { title: 'FILES', cell: ({ files }) => files, align: 'right', wide: true },
  { title: 'COMPRESSION', cell: ({ compression }) => compression, wide: true },
  { title: 'THEN', cell: ({ leftRunning }) => (leftRunning ? 'ran on' : 'stopped'), wide: true },
  { title: 'ADDRESSES', cell: ({ addresses }) => addresses.join(','), wide: true },
  { title: 'UUID', cell: ({ uuid }) => uuid, wide: true },
];
