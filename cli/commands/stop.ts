import { type Command, Option } from 'commander';
import { action, type Cli } from '../action.ts';
import { changed, eachContainer } from '../each-container.ts';
import { parseDuration } from '../parse/duration.ts';
import { containerNames } from '../parse/names.ts';

/** What the agent may need on top of the container's own grace. */
const SLACK_MS = 30_000;

/** `godwit stop NAME… [--timeout D] [--kill]`: ends containers, politely first. */
export function register(program: Command, cli: Cli): void {
  program
    .command('stop')
    .summary('stop containers')
    .description('Asks the first process of each container to end, and kills what is left after the timeout.')
    .argument('<names...>', 'containers', containerNames)
    .addOption(
      new Option('--timeout <duration>', 'grace before what is left is killed')
        .argParser(parseDuration)
        .default(10_000, '10s'),
    )
    .option('--kill', 'kill at once')
    .action(
      action(cli, (context, options: { timeout: number; kill?: boolean }, names: readonly string[]) =>
        eachContainer(context, names, async (session, name) => {
          const timeoutMs = Math.round(options.timeout);
          const body = { timeoutMs, kill: options.kill === true };
          const wait = { timeoutMs: timeoutMs + SLACK_MS };
          return changed((await session.request('container', name, 'stop', body, wait)).container);
        }),
      ),
    );
}
