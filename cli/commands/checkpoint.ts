import { type Command, Option } from 'commander';
import { LIMITS } from '../../protocol/limits.ts';
import { COMPRESSIONS, type Compression } from '../../protocol/messages/checkpoint.ts';
import { action, type Cli } from '../action.ts';
import type { Context } from '../context.ts';
import { parsePositiveDuration } from '../parse/duration.ts';
import { containerName } from '../parse/names.ts';

interface Options {
  readonly leaveRunning?: true;
  readonly full?: true;
  readonly directories: boolean;
  readonly compression?: Compression;
  readonly timeout: number;
  readonly unsafe?: true;
  readonly detach?: true;
}

const ACCEPT_MS = 30_000;

/** `godwit checkpoint NAME`: asks the owner to put the container into the store, then follows the job. */
export function register(program: Command, cli: Cli): void {
  program
    .command('checkpoint')
    .summary('put a running container into the store')
    .description(
      'Puts the memory and the processes of a running container into the store of checkpoints, and stops it once they are ' +
        'there: `godwit restore` lets it go on. Directories with policy copy are in it, too, unless it is told otherwise. Where the kernel tracks dirty memory, only what ' +
        'changed since the checkpoint before is written. The first Ctrl-C detaches.',
    )
    .argument('<name>', 'container', containerName)
    .option('--leave-running', 'let it run on afterwards, after a short freeze')
    .option('--full', 'all of the memory, whatever the checkpoint before has')
    .option(
      '--no-directories',
      'memory and processes only; a restore then needs the directories as they are now',
    )
    .addOption(new Option('--compression <how>', 'instead of what the node is set to').choices(COMPRESSIONS))
    .addOption(
      new Option('--timeout <duration>', 'give up after this time; the container runs on')
        .argParser(parsePositiveDuration)
        .default(LIMITS.moveMs, '10m'),
    )
    .option('--unsafe', 'skip the refusals that may be skipped')
    .option('--detach', 'print the job id and do not wait')
    .action(action(cli, (context, options: Options, name: string) => checkpoint(context, options, name)));
}

async function checkpoint(context: Context, options: Options, name: string): Promise<number> {
  const session = await context.session();
  const { beginAndFollow } = await import('../follow/begin.ts');
  const { timeout: timeoutMs, compression } = options;
  const body = {
    leaveRunning: options.leaveRunning === true,
    full: options.full === true,
    directories: options.directories,
    ...(compression === undefined ? {} : { compression }),
    timeoutMs,
    unsafe: options.unsafe === true,
  };
  return beginAndFollow(context, session, { timeoutMs, detach: options.detach === true }, async () => {
    const reply = await session.request('container', name, 'checkpoint', body, { timeoutMs: ACCEPT_MS });
    return { reply, begun: { ...reply, kind: 'checkpoint' } };
  });
}
