import type { Command } from 'commander';
import { action, type Cli } from '../action.ts';
import { printableLines } from '../output/text.ts';
import { containerName } from '../parse/names.ts';

/** `godwit dumpxml NAME`: the domain XML as godwit honours it, and nothing else. */
export function register(program: Command, cli: Cli): void {
  program
    .command('dumpxml')
    .summary("print a container's domain XML")
    .description('Prints the domain XML of a container as godwit honours it; `godwit define` takes it back.')
    .argument('<name>', 'container', containerName)
    .action(
      action(cli, async (context, _options: object, name: string) => {
        const { xml } = await (await context.session()).request('container', name, 'info', {});
        context.terminal.out(`${printableLines(xml).trimEnd()}\n`);
        return 0;
      }),
    );
}
