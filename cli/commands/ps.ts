import type { Command } from 'commander';
import type { z } from 'zod';
import type { ContainerDigest, NodeInfo } from '../../protocol/messages/node.ts';
import { action, type Cli } from '../action.ts';
import { allRecorded } from '../bus/recorded.ts';
import { askNodes } from '../nodes.ts';
import { writeList } from '../output/document.ts';
import { formatBytes } from '../output/format.ts';
import type { Column } from '../output/table.ts';
import { printable } from '../output/text.ts';
import { nodeIds } from '../parse/names.ts';

type Container = z.infer<typeof ContainerDigest>;

/** `godwit ps [-a] [NODE…]`: the containers of the cluster, or of some nodes. */
export function register(program: Command, cli: Cli): void {
  program
    .command('ps')
    .summary('list containers')
    .description(
      'Lists the containers that run (with -a all), of every node that answers or of the named ones.',
    )
    .argument('[nodes...]', 'only these nodes', nodeIds)
    .option('-a, --all', 'also the stopped ones')
    .action(
      action(cli, async (context, options: { all?: boolean }, nodes: readonly string[] = []) => {
        const answers = await askNodes(context, nodes, { completeness: allRecorded });
        const items = answers.nodes
          .flatMap((node) => node.containers)
          .filter((container) => options.all === true || isActive(container))
          .sort((a, b) => compare(a.name, b.name) || compare(a.owner, b.owner));
        for (const line of orphansIn(answers.nodes)) context.terminal.err(`${printable(line)}\n`);
        await writeList(
          context.terminal,
          {
            type: 'io.godwit.v1.container.list',
            items,
            columns: COLUMNS,
            name: (container) => container.name,
          },
          context,
        );
        return answers.exitCode;
      }),
    );
}

const COLUMNS: readonly Column<Container>[] = [
  { title: 'NAME', cell: (container) => container.name },
  { title: 'NODE', cell: (container) => container.owner },
  { title: 'STATE', cell: (container) => container.state },
  { title: 'PHASE', cell: (container) => container.phase },
  { title: 'MEMORY', cell: (container) => formatBytes(container.memoryBytes), align: 'right' },
  {
    title: 'LIMIT',
    cell: (container) => formatBytes(container.memoryLimitBytes),
    align: 'right',
    wide: true,
  },
  { title: 'PID', cell: (container) => container.pid, align: 'right', wide: true },
  { title: 'EPOCH', cell: (container) => container.epoch, align: 'right', wide: true },
  { title: 'ADDRESSES', cell: (container) => container.addresses.join(',') },
  { title: 'JOB', cell: (container) => container.job },
  { title: 'UUID', cell: (container) => container.uuid, wide: true },
];

/** Containers whose owner says nothing, while the node that they moved from holds them frozen. */
function orphansIn(nodes: readonly NodeInfo[]): string[] {
  const owned = new Set(nodes.flatMap((node) => node.containers.map(({ name }) => name)));
  return nodes.flatMap(({ node, held }) =>
    held
      .filter(({ container }) => !owned.has(container))
      .map(
        ({ container, job, target }) =>
          `${container}: ${target}, which owns it, does not say so; frozen on ${node} (\`godwit job show ${job}\`)`,
      ),
  );
}

/** Everything but a container at rest: one that a move left half-way must not hide behind -a. */
function isActive(container: Container): boolean {
  return !(container.state === 'stopped' && container.phase === 'stopped');
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
