import type { Command } from 'commander';
import { action, type Cli } from '../action.ts';
import { formatDocument } from '../output/document.ts';
import { containerName } from '../parse/names.ts';

/** `godwit rename NAME NEW`: another name, and host name, for a stopped container. */
export function register(program: Command, cli: Cli): void {
  program
    .command('rename')
    .summary('give a stopped container another name')
    .description(
      'Gives a stopped container another name, which is its host name, too. Its checkpoints stay under the old one: `godwit restore OLD --as NEW`.',
    )
    .argument('<name>', 'container', containerName)
    .argument('<new>', 'its new name', containerName)
    .action(
      action(cli, async (context, _options: object, name: string, wanted: string) => {
        const session = await context.session();
        const reply = await session.request('container', name, 'rename', { name: wanted });
        const document = await formatDocument(reply, context.format);
        context.terminal.out(document ?? `${name} is ${wanted} now\n`);
        return 0;
      }),
    );
}
