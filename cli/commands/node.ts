import type { Command } from 'commander';
import { toGodwitError } from '../../protocol/errors.ts';
import type { NodeInfo } from '../../protocol/messages/node.ts';
import { combined } from '../../protocol/placement/load.ts';
import { action, type Cli } from '../action.ts';
import type { Context } from '../context.ts';
import { askNodes } from '../nodes.ts';
import { writeList, writeOne } from '../output/document.ts';
import { writeError } from '../output/error.ts';
import { formatBytes, formatMs } from '../output/format.ts';
import { loadColumns, loadText } from '../output/load.ts';
import { type Column, formatFields } from '../output/table.ts';
import { nodeId, nodeIds } from '../parse/names.ts';

/** `godwit node ls|show|cordon|uncordon`. */
export function register(program: Command, cli: Cli): void {
  const node = program
    .command('node')
    .summary('list, cordon and uncordon nodes')
    .description('Works on nodes.');
  node
    .command('ls')
    .description('Lists the nodes that answer; -o wide shows versions.')
    .argument('[nodes...]', 'only these', nodeIds)
    .action(
      action(cli, async (context, _options: object, names: readonly string[] = []) => {
        const answers = await askNodes(context, names);
        await writeNodes(context, answers.nodes);
        return answers.exitCode;
      }),
    );
  node
    .command('show')
    .description('Shows one node: what it is, what it can do, what it runs.')
    .argument('<node>', 'node', nodeId)
    .action(
      action(cli, async (context, _options: object, name: string) => {
        const info = await (await context.session()).request('node', name, 'info', {});
        await writeOne(context.terminal, context.format, {
          document: info,
          name: info.node,
          text: () => describe(info),
        });
        return 0;
      }),
    );
  for (const verb of ['cordon', 'uncordon'] as const) {
    node
      .command(verb)
      .description(
        verb === 'cordon' ? 'Lets nodes take no new containers.' : 'Lets nodes take containers again.',
      )
      .argument('<nodes...>', 'nodes', nodeIds)
      .action(
        action(cli, (context, _options: object, names: readonly string[]) => cordon(context, verb, names)),
      );
  }
}

async function cordon(
  context: Context,
  verb: 'cordon' | 'uncordon',
  names: readonly string[],
): Promise<number> {
  const session = await context.session();
  const changed: NodeInfo[] = [];
  let exitCode = 0;
  for (const name of new Set(names)) {
    try {
      changed.push(await session.request('node', name, verb, {}));
    } catch (error) {
      const told = toGodwitError(error);
      writeError(context.terminal, told, context);
      exitCode ||= told.exitCode;
    }
  }
  if (changed.length > 0) await writeNodes(context, changed);
  return exitCode;
}

function writeNodes(context: Context, items: readonly NodeInfo[]): Promise<void> {
  const listing = {
    type: 'io.godwit.v1.node.list',
    items,
    columns: COLUMNS,
    name: (info: NodeInfo) => info.node,
  };
  return writeList(context.terminal, listing, context);
}

const COLUMNS: readonly Column<NodeInfo>[] = [
  { title: 'NODE', cell: (info) => info.node },
  { title: 'STATE', cell: (info) => info.state },
  { title: 'ADDRESS', cell: (info) => info.address },
  { title: 'CONTAINERS', cell: (info) => info.containers.length, align: 'right' },
  { title: 'MEMORY', cell: (info) => formatBytes(info.capabilities.memoryBytes), align: 'right' },
  { title: 'FREE', cell: (info) => formatBytes(info.memoryAvailableBytes), align: 'right' },
  ...loadColumns((info: NodeInfo) => info.load && combined(info.load)),
  { title: 'CPUS', cell: (info) => info.capabilities.cpus, align: 'right' },
  { title: 'UP', cell: (info) => formatMs(info.nowMs - info.startedAtMs), align: 'right' },
  { title: 'VERSION', cell: (info) => info.version, wide: true },
  { title: 'CRIU', cell: (info) => info.capabilities.criu, wide: true },
  { title: 'LXC', cell: (info) => info.capabilities.lxc, wide: true },
  { title: 'KERNEL', cell: (info) => info.capabilities.kernel, wide: true },
  { title: 'ARCH', cell: (info) => info.capabilities.arch, wide: true },
  { title: 'CGROUP', cell: (info) => info.capabilities.cgroup, wide: true },
  { title: 'FEATURES', cell: (info) => features(info), wide: true },
  { title: 'LABELS', cell: (info) => labelText(info.labels), wide: true },
];

function describe(info: NodeInfo): string {
  const { capabilities } = info;
  return formatFields([
    ['node', info.node],
    ['cluster', info.cluster],
    ['state', info.state],
    ['version', info.version],
    ['address', info.address],
    ['data port', info.dataPort],
    ['up', formatMs(info.nowMs - info.startedAtMs)],
    ['arch', capabilities.arch],
    ['kernel', capabilities.kernel],
    ['criu', capabilities.criu],
    ['lxc', capabilities.lxc],
    ['cgroup', capabilities.cgroup],
    ['features', features(info)],
    ['cpus', capabilities.cpus],
    ['memory', `${formatBytes(capabilities.memoryBytes)}, ${formatBytes(info.memoryAvailableBytes)} free`],
    ['labels', labelText(info.labels)],
    ['load', info.load && loadText(info.load)],
    ['containers', info.containers.map((container) => `${container.name} (${container.state})`).join(' ')],
    ...info.notes.map((note) => ['note', note] as const),
  ]);
}

function labelText(labels: NodeInfo['labels']): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
}

function features({ capabilities }: NodeInfo): string {
  const entries = Object.entries(capabilities.features);
  return entries.flatMap(([name, present]) => (present ? [name] : [])).join(',');
}
