import type { Command } from 'commander';
import { action, type Cli } from '../action.ts';
import { changed, eachContainer } from '../each-container.ts';
import { containerNames } from '../parse/names.ts';

const START_MS = 60_000;

/** `godwit start NAME…`: starts containers where they are owned. */
export function register(program: Command, cli: Cli): void {
  program
    .command('start')
    .summary('start containers')
    .description('Starts containers on the node that owns them.')
    .argument('<names...>', 'containers', containerNames)
    .action(
      action(cli, (context, _options: object, names: readonly string[]) =>
        eachContainer(context, names, async (session, name) => {
          const wait = { timeoutMs: START_MS };
          return changed((await session.request('container', name, 'start', {}, wait)).container);
        }),
      ),
    );
}
