import { type Command, Option } from 'commander';
import { CATALOGUE, GodwitError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { RestoreReply } from '../../protocol/messages/checkpoint.ts';
import { action, type Cli } from '../action.ts';
import type { Session } from '../bus/session.ts';
import { chooseNode } from '../choose-node.ts';
import type { Context } from '../context.ts';
import { refusalLines } from '../follow/refusals.ts';
import { formatDocument } from '../output/document.ts';
import { formatBytes } from '../output/format.ts';
import { formatFields } from '../output/table.ts';
import { parsePositiveDuration } from '../parse/duration.ts';
import { checkpointId, containerName, nodeId } from '../parse/names.ts';

interface Options {
  readonly from?: string;
  readonly node?: string;
  readonly as?: string;
  readonly root?: string;
  readonly force?: true;
  readonly unsafe?: true;
  readonly dryRun?: true;
  readonly timeout: number;
  readonly detach?: true;
}

/** A node may have to look through its store, and a dry run at the whole node. */
const ACCEPT_MS = 30_000;

/** `godwit restore NAME`: asks a node to let the container run from a checkpoint, then follows the job. */
export function register(program: Command, cli: Cli): void {
  program
    .command('restore')
    .summary('let a container run again from a checkpoint')
    .description(
      'Lets a stopped container go on from a checkpoint (the newest one, unless --from), on the node that owns it or on ' +
        'another, which then owns it. Every byte of the checkpoint is looked at before a process starts. The first Ctrl-C detaches.',
    )
    .argument('<name>', 'container', containerName)
    .option('--from <checkpoint>', 'this one', checkpointId)
    .option('--node <node>', 'run it there', nodeId)
    .option('--as <name>', 'as a new container of that name, with a uuid of its own', containerName)
    .option('--root <dir>', 'with this root directory, a copy of the one it had')
    .option('--force', 'its owner, which does not answer, is dead for good and will never come back')
    .option('--dry-run', 'only say what stands in the way')
    .option('--unsafe', 'skip the refusals that may be skipped')
    .addOption(
      new Option('--timeout <duration>', 'give up after this time')
        .argParser(parsePositiveDuration)
        .default(LIMITS.moveMs, '10m'),
    )
    .option('--detach', 'print the job id and do not wait')
    .action(action(cli, (context, options: Options, name: string) => restore(context, options, name)));
}

async function restore(context: Context, options: Options, name: string): Promise<number> {
  const session = await context.session();
  const node = options.node ?? (await ownerOf(session, name)) ?? (await chooseNode(session));
  const { from, as, root, timeout: timeoutMs } = options;
  const body = {
    container: name,
    ...(from === undefined ? {} : { checkpoint: from }),
    ...(as === undefined ? {} : { as }),
    ...(root === undefined ? {} : { root }),
    force: options.force === true,
    unsafe: options.unsafe === true,
    dryRun: options.dryRun === true,
    timeoutMs,
  };
  const ask = () => session.request('node', node, 'restore', body, { timeoutMs: ACCEPT_MS });
  if (options.dryRun === true) return writeRefusals(context, await ask(), options.unsafe === true);
  const { beginAndFollow } = await import('../follow/begin.ts');
  return beginAndFollow(context, session, { timeoutMs, detach: options.detach === true }, async () => {
    const reply = await ask();
    const { job } = reply;
    if (job === undefined) {
      const subject = session.subjects.node(node, 'restore');
      throw new GodwitError('MESSAGE_INVALID', { subject, problem: 'job: an accepted restore has an id' });
    }
    return { reply, begun: { ...reply, job, kind: 'restore' } };
  });
}

/** Undefined when nobody answers for it: it was undefined, or its owner is gone. */
async function ownerOf(session: Session, name: string): Promise<string | undefined> {
  try {
    return (await session.request('container', name, 'info', {})).container.owner;
  } catch (error) {
    if (error instanceof GodwitError && error.code === 'CONTAINER_NOT_FOUND') return undefined;
    throw error;
  }
}

/** The exit code is 8 when something that --unsafe does not skip was refused. */
async function writeRefusals(context: Context, reply: RestoreReply, unsafe: boolean): Promise<number> {
  const { container, node, checkpoint, refusals } = reply;
  const text = () =>
    formatFields([
      ['container', container],
      ['node', node],
      ['checkpoint', checkpoint.id],
      ['size', formatBytes(checkpoint.bytes)],
      [
        'verdict',
        refusals.length === 0 ? 'nothing speaks against it' : `${refusals.length} reason(s) against it`,
      ],
    ]) + refusalLines(refusals);
  context.terminal.out((await formatDocument(reply, context.format)) ?? text());
  const standing = refusals.filter((refusal) => !(refusal.overridable && unsafe));
  return standing.length > 0 ? CATALOGUE.PREFLIGHT_REFUSED.exit : 0;
}
