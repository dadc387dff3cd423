import type { Command } from 'commander';
import { action, type Cli } from '../action.ts';
import { writeOne } from '../output/document.ts';
import { printable } from '../output/text.ts';
import { nodeId } from '../parse/names.ts';

/** `godwit define FILE.xml [--node N]`: hands a domain XML to a node, which becomes the container's owner. */
export function register(program: Command, cli: Cli): void {
  program
    .command('define')
    .summary('define a container from domain XML')
    .description(
      'Defines a container from libvirt domain XML (`-` reads standard input). Without --node it goes to the agent of ' +
        'this machine, if that answers, else to any node that is up.',
    )
    .argument('<file>', 'domain XML, or - for standard input')
    .option('--node <node>', 'the node that will own it', nodeId)
    .action(
      action(cli, async (context, options: { node?: string }, file: string) => {
        const { readDocument } = await import('../parse/document-file.ts');
        const xml = await readDocument(file);
        const session = await context.session();
        const { chooseNode } = await import('../choose-node.ts');
        const node = options.node ?? (await chooseNode(session));
        const reply = await session.request('node', node, 'define', { xml, file });
        const text = `${reply.name} ${reply.changed ? 'defined' : 'unchanged'} on ${reply.node} (${reply.uuid})`;
        await writeOne(context.terminal, context.format, {
          document: reply,
          name: reply.name,
          text: () => `${printable(text)}\n`,
        });
        return 0;
      }),
    );
}
