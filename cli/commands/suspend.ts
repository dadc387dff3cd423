import type { Command } from 'commander';
import { action, type Cli } from '../action.ts';
import { changed, eachContainer } from '../each-container.ts';
import { containerNames } from '../parse/names.ts';

const SUSPEND_MS = 30_000;

/** `godwit suspend NAME…`: freezes the tasks of containers where they are. */
export function register(program: Command, cli: Cli): void {
  program
    .command('suspend')
    .summary('freeze the tasks of containers')
    .description(
      'Freezes all tasks of running containers; their memory and connections stay. `godwit resume` lets them go on.',
    )
    .argument('<names...>', 'containers', containerNames)
    .action(
      action(cli, (context, _options: object, names: readonly string[]) =>
        eachContainer(context, names, async (session, name) => {
          const wait = { timeoutMs: SUSPEND_MS };
          return changed((await session.request('container', name, 'suspend', {}, wait)).container);
        }),
      ),
    );
}
