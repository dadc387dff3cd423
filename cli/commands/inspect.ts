import type { Command } from 'commander';
import type { ContainerInfo } from '../../protocol/messages/container.ts';
import { action, type Cli } from '../action.ts';
import { writeOne } from '../output/document.ts';
import { formatBytes } from '../output/format.ts';
import { formatFields } from '../output/table.ts';
import { containerName } from '../parse/names.ts';

/** `godwit inspect NAME`: record, state, limits, addresses and job of one container. */
export function register(program: Command, cli: Cli): void {
  program
    .command('inspect')
    .summary('show one container')
    .description(
      'Shows who owns a container, its record, what runs, the limits in force, its addresses and its job.',
    )
    .argument('<name>', 'container', containerName)
    .action(
      action(cli, async (context, _options: object, name: string) => {
        const session = await context.session();
        const info = await session.request('container', name, 'info', {});
        await writeOne(context.terminal, context.format, {
          document: info,
          name: info.container.name,
          text: () => describe(info),
        });
        return 0;
      }),
    );
}

function describe({ container, revision, limits }: ContainerInfo): string {
  const text = formatFields([
    ['name', container.name],
    ['uuid', container.uuid],
    ['owner', container.owner],
    ['epoch', container.epoch],
    ['revision', revision],
    ['phase', container.phase],
    ['state', container.state],
    ['pid', container.pid],
    ['memory', container.memoryBytes === undefined ? undefined : formatBytes(container.memoryBytes)],
    ['limit', container.memoryLimitBytes === undefined ? undefined : formatBytes(container.memoryLimitBytes)],
    ['addresses', container.addresses.join(' ')],
    ['job', container.job],
  ]);
  const entries = Object.entries(limits);
  if (entries.length === 0) return text;
  return `${text}limits:\n${formatFields(entries).replaceAll(/^/gm, '  ').trimEnd()}\n`;
}
