import type { Command } from 'commander';
import type { ContainerDigest, NodeInfo } from '../../protocol/messages/node.ts';
import { combined } from '../../protocol/placement/load.ts';
import { action, type Cli } from '../action.ts';
import type { Context } from '../context.ts';
import { askNodes } from '../nodes.ts';
import { loadColumns, usageColumns } from '../output/load.ts';
import { type Column, formatTable } from '../output/table.ts';
import { parsePositiveDuration } from '../parse/duration.ts';
import { nodeIds } from '../parse/names.ts';

interface Options {
  readonly once?: boolean;
  readonly interval: number;
}

/** To the top left corner, and everything below it away. */
const CLEAR = '\u001b[H\u001b[J';

/** `godwit top [NODE…]`: nodes and containers, the busiest first. */
export function register(program: Command, cli: Cli): void {
  program
    .command('top')
    .summary('watch what nodes and containers use')
    .description(
      'Shows the load of nodes (use, and waiting beyond it) and what their containers use, the busiest first, until ' +
        'Ctrl-C. Once with --once, without a terminal, and with -o json, yaml or name.',
    )
    .argument('[nodes...]', 'only these nodes', nodeIds)
    .option('--once', 'show it once')
    .option('--interval <duration>', 'pause between two looks', parsePositiveDuration, 2_000)
    .action(
      action(cli, (context, options: Options, nodes: readonly string[] = []) => top(context, options, nodes)),
    );
}

async function top(context: Context, { once, interval }: Options, names: readonly string[]): Promise<number> {
  const { terminal, format } = context;
  const forPeople = format === 'table' || format === 'wide';
  if (once === true || !terminal.interactive || !forPeople) return show(context, names, '');
  const signal = context.interrupted();
  while (!signal.aborted) {
    await show(context, names, CLEAR);
    await pause(interval, signal);
  }
  return 0;
}

async function show(context: Context, names: readonly string[], before: string): Promise<number> {
  const { terminal, format } = context;
  const { nodes, exitCode } = await askNodes(context, names);
  const containers = nodes
    .flatMap((node) => node.containers)
    .sort((a, b) => (b.usage?.cpus ?? 0) - (a.usage?.cpus ?? 0));
  if (format === 'json' || format === 'yaml' || format === 'name') {
    const { writeList } = await import('../output/document.ts');
    const listing = { type: 'io.godwit.v1.node.list', items: nodes, columns: NODES, name: nameOf };
    await writeList(terminal, listing, context);
    return exitCode;
  }
  const options = { wide: format === 'wide', headers: context.headers };
  const tables = [formatTable(nodes, NODES, options), formatTable(containers, CONTAINERS, options)];
  terminal.out(before + tables.join('\n'));
  return exitCode;
}

const nameOf = (info: NodeInfo): string => info.node;

const NODES: readonly Column<NodeInfo>[] = [
  { title: 'NODE', cell: nameOf },
  { title: 'STATE', cell: (info) => info.state },
  ...loadColumns((info: NodeInfo) => info.load && combined(info.load)),
  { title: 'CONTAINERS', cell: (info) => info.containers.length, align: 'right' },
];

const CONTAINERS: readonly Column<ContainerDigest>[] = [
  { title: 'CONTAINER', cell: ({ name }) => name },
  { title: 'NODE', cell: ({ owner }) => owner },
  ...usageColumns(({ usage }: ContainerDigest) => usage),
];

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}
