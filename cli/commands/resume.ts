import type { Command } from 'commander';
import { action, type Cli } from '../action.ts';
import { eachContainer } from '../each-container.ts';
import { containerNames } from '../parse/names.ts';

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
          const { container } = await session.request('container', name, 'resume', {}, { timeoutMs: 30_000 });
          return {
            type: 'io.godwit.v1.container.list',
            text: `${name} ${container.state} on ${container.owner}`,
            item: container,
          };
        }),
      ),
    );
}
