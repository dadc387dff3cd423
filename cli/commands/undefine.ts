import type { Command } from 'commander';
import { action, type Cli } from '../action.ts';
import { eachContainer } from '../each-container.ts';
import { containerNames } from '../parse/names.ts';

/** `godwit undefine NAME…`: removes the definition and the record; the root file system stays. */
export function register(program: Command, cli: Cli): void {
  program
    .command('undefine')
    .summary('forget a stopped container')
    .description('Forgets containers that are stopped. Their root file systems are left alone.')
    .argument('<names...>', 'containers', containerNames)
    .action(
      action(cli, (context, _options: object, names: readonly string[]) =>
        eachContainer(context, names, async (session, name) => {
          await session.request('container', name, 'undefine', {}, { timeoutMs: 30_000 });
          return { type: 'io.godwit.v1.container.undefined', text: `${name} undefined`, item: { name } };
        }),
      ),
    );
}
