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

/** What an operator can do for a container that nobody else can help. */
function hintOf({ phase, job }: ContainerInfo['container']): string | undefined {
  if (phase === 'in-doubt')
    return `its copy here is gone; keep the source's with \`godwit job resolve ${job ?? 'JOB'} --keep NODE\``;
  if (phase === 'lost')
    return job
      ? `frozen for good: \`godwit job resolve ${job} --keep NODE\` lets the source's copy go on, or gives it up here`
      : 'no copy of its memory is left; `godwit start` starts it anew';
  return undefined;
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
    ['hint', hintOf(container)],
  ]);
  const entries = Object.entries(limits);
  if (entries.length === 0) return text;
  return `${text}limits:\n${formatFields(entries).replaceAll(/^/gm, '  ').trimEnd()}\n`;
}
