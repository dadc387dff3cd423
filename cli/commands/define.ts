import type { Command } from 'commander';
import { GodwitError } from '../../protocol/errors.ts';
import { action, type Cli } from '../action.ts';
import { writeOne } from '../output/document.ts';
import { printable } from '../output/text.ts';
import { containerName, nodeId } from '../parse/names.ts';

interface Options {
  readonly node?: string;
  readonly fromLxc?: string;
}

/**
 * `godwit define FILE.xml [--node N]`: hands a domain XML to a node, which becomes the container's owner. `godwit define
 * --from-lxc NAME`: the node adopts a container that LXC has there.
 */
export function register(program: Command, cli: Cli): void {
  program
    .command('define')
    .summary('define a container from domain XML')
    .description(
      'Defines a container from libvirt domain XML (`-` reads standard input). Without --node it goes to the agent of ' +
        'this machine, if that answers, else to any node that is up. With --from-lxc the node adopts a container that ' +
        'LXC has there, as it is, running or not: `godwit dumpxml` then prints its description.',
    )
    .argument('[file]', 'domain XML, or - for standard input')
    .option('--from-lxc <name>', 'a container of LXC on that node, instead of a file', containerName)
    .option('--node <node>', 'the node that will own it', nodeId)
    .action(
      action(cli, async (context, options: Options, file?: string) => {
        const body = await bodyOf(options, file);
        const session = await context.session();
        const { chooseNode } = await import('../choose-node.ts');
        const node = options.node ?? (await chooseNode(session));
        const reply = await session.request('node', node, 'define', body);
        const text = `${reply.name} ${reply.changed ? 'defined' : 'unchanged'} on ${reply.node} (${reply.uuid})`;
        await writeOne(context.terminal, context.format, {
          document: reply,
          name: reply.name,
          text: () => `${printable(text)}\n`,
        });
        for (const note of reply.notes) context.terminal.err(`note: ${printable(note)}\n`);
        return 0;
      }),
    );
}

async function bodyOf({ fromLxc }: Options, file: string | undefined) {
  if ((fromLxc === undefined) === (file === undefined))
    throw new GodwitError('USAGE', {
      problem: 'name a file or a container of LXC (--from-lxc), one of them',
    });
  if (fromLxc !== undefined) return { fromLxc };
  const { readDocument } = await import('../parse/document-file.ts');
  return { xml: await readDocument(file ?? '-'), file: file ?? '-' };
}
