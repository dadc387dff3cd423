import type { Command } from 'commander';
import { action, type Cli } from '../action.ts';
import { changed, eachContainer } from '../each-container.ts';
import { containerNames } from '../parse/names.ts';

const RESUME_MS = 30_000;

/** `godwit resume NAME…`: lets the tasks of suspended containers go on. */
export function register(program: Command, cli: Cli): void {
  program
    .command('resume')
    .summary('let suspended containers go on')
    .description('Lets the tasks of suspended containers go on.')
    .argument('<names...>', 'containers', containerNames)
    .action(
      action(cli, (context, _options: object, names: readonly string[]) =>
        eachContainer(context, names, async (session, name) => {
          const wait = { timeoutMs: RESUME_MS };
          return changed((await session.request('container', name, 'resume', {}, wait)).container);
        }),
      ),
    );
}
