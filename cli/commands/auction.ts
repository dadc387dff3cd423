import type { Command } from 'commander';
import type { AuctionEntry, ContainerAuction } from '../../protocol/messages/auction.ts';
import { action, type Cli } from '../action.ts';
import type { Context } from '../context.ts';
import { formatDocument } from '../output/document.ts';
import { formatBytes } from '../output/format.ts';
import { loadColumns } from '../output/load.ts';
import { type Column, formatTable } from '../output/table.ts';
import { printable } from '../output/text.ts';
import { containerName } from '../parse/names.ts';

/** The owner waits for every node, also for slow ones. */
const AUCTION_MS = 15_000;
const NO_TARGET_EXIT = 4;

/** `godwit auction NAME`: what a move without a named target would find. */
export function register(program: Command, cli: Cli): void {
  program
    .command('auction')
    .summary('show which nodes would take a container')
    .description(
      "Asks all nodes who would take a container, and shows each one's answer: the parts of its score in points (load is " +
        '100 for a node that would stay empty), its load with the container, or its reasons against it. Nothing is ' +
        'promised or moved. Exit code 4: nobody takes it.',
    )
    .argument('<name>', 'container', containerName)
    .action(action(cli, (context, _options: object, name: string) => auction(context, name)));
}

async function auction(context: Context, name: string): Promise<number> {
  const session = await context.session();
  const found = await session.request('container', name, 'auction', {}, { timeoutMs: AUCTION_MS });
  const bids = found.entries.filter(({ score }) => score !== undefined);
  context.terminal.out(await textOf(context, found, bids));
  return bids.length > 0 ? 0 : NO_TARGET_EXIT;
}

async function textOf(
  context: Context,
  found: ContainerAuction,
  bids: readonly AuctionEntry[],
): Promise<string> {
  const { format, headers } = context;
  const document = await formatDocument(found, format);
  if (document !== undefined) return document;
  if (format === 'name') return bids.map(({ node }) => `${printable(node)}\n`).join('');
  const table = bids.length > 0 ? formatTable(bids, COLUMNS, { headers }) : '';
  const refused = found.entries.filter(({ score }) => score === undefined);
  const lines = refused.map(({ node, refusals }) => {
    const reasons = refusals.map(({ code, message }) => `${code}: ${message}`).join('; ');
    return `${printable(`${node} does not take it: ${reasons}`)}\n`;
  });
  const nobody = found.entries.length === 0 ? 'no other node answers\n' : '';
  const need = `${printable(found.container)} on ${printable(found.source)} needs room for ${formatBytes(found.memoryBytes)}\n`;
  return need + table + lines.join('') + nobody;
}

const right = { align: 'right' } as const;

const COLUMNS: readonly Column<AuctionEntry>[] = [
  { title: 'NODE', cell: ({ node }) => node },
  { title: 'SCORE', cell: ({ score }) => score?.toFixed(2), ...right },
  { title: 'LOAD', cell: ({ parts }) => parts?.load.toFixed(2), ...right },
  { title: 'BY', cell: ({ parts }) => parts?.largest },
  { title: 'REST', cell: ({ parts }) => parts?.rest.toFixed(2), ...right },
  { title: 'COST', cell: ({ parts }) => parts?.cost.toFixed(2), ...right },
  { title: 'FAILURES', cell: ({ parts }) => parts?.failures.toFixed(2), ...right },
  { title: 'GROUP', cell: ({ parts }) => parts?.group, ...right },
  ...loadColumns(({ after }: AuctionEntry) => after),
];
