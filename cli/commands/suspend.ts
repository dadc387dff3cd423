import type { Command } from 'commander';
import { action, type Cli } from '../action.ts';
import { eachContainer } from '../each-container.ts';
import { containerNames } from '../parse/names.ts';

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
          const { container } = await session.request(
            'container',
            name,
            'suspend',
            {},
            { timeoutMs: 30_000 },
          );
          return {
            type: 'io.godwit.v1.container.list',
            text: `${name} ${container.state} on ${container.owner}`,
            item: container,
          };
        }),
      ),
    );
}
