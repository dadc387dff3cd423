import type { Command } from 'commander';
import type { BalanceItem } from '../../protocol/documents.ts';
import { toGodwitError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { BalanceReply, BalanceRequest } from '../../protocol/messages/balance.ts';
import type { NodeInfo } from '../../protocol/messages/node.ts';
import type { BalanceMove } from '../../protocol/placement/balance/words.ts';
import { combined, largest } from '../../protocol/placement/load.ts';
import { action, type Cli } from '../action.ts';
import { allRecorded } from '../bus/recorded.ts';
import type { Session } from '../bus/session.ts';
import type { Context } from '../context.ts';
import { applyMoves, balanceColumns } from '../follow/balance.ts';
import { askNodes } from '../nodes.ts';
import { writeList } from '../output/document.ts';
import { writeError } from '../output/error.ts';
import { printable } from '../output/text.ts';
import { nodeIds } from '../parse/names.ts';

interface Options {
  readonly apply?: true;
}

/** A node listens to others for a second or two, and asks some of them. */
const PLAN_MS = 30_000;
const NO_TARGET_EXIT = 4;

/** `godwit balance`: what would have to move so that no node is much fuller than others; with `--apply` it moves. */
export function register(program: Command, cli: Cli): void {
  program
    .command('balance')
    .summary('spread load over the nodes')
    .description(
      'Lets each node compare itself to some others and shows what it would give away, with the reason of each move: the fuller ' +
        'of the two nodes gets emptier, and no more moves than that pays for. --apply makes the moves, one after the other; ' +
        'when one fails, the node it was to leave makes no more. The first Ctrl-C detaches: the present move goes on, no ' +
        'other begins. Exit code 4: moves would help, and nobody takes them.',
    )
    .argument('[nodes...]', 'only what runs on these nodes', nodeIds)
    .option('--apply', 'make the moves')
    .action(
      action(cli, (context, options: Options, nodes: readonly string[] = []) =>
        balance(context, options, nodes),
      ),
    );
}

async function balance(context: Context, { apply }: Options, names: readonly string[]): Promise<number> {
  const { terminal } = context;
  const session = await context.session();
  // The node that has most to give away is the slowest to answer.
  const asking = { completeness: allRecorded, patient: true };
  const { nodes, exitCode: silent } = await askNodes(context, names, asking);
  const { plans, exitCode: failed } = await askPlans(context, session, nodes);
  const moves = plans.flatMap((plan) => plan.moves);
  const refusals = plans.flatMap((plan) => plan.refusals);
  const say = (text: string) => context.json || terminal.err(`${printable(`godwit: ${text}`)}\n`);
  for (const { node, compared } of plans)
    if (compared === 0) say(`${node} has nothing that may move, or heard of no other node`);
  for (const { container, reason } of refusals) say(`${container} stays: ${reason}`);
  if (moves.length === 0) say('nothing to move');
  const nobody = moves.length === 0 && refusals.length > 0 ? NO_TARGET_EXIT : 0;
  let items: readonly BalanceItem[] = moves;
  let applied = 0;
  if (apply && moves.length > 0) {
    ({ items, exitCode: applied } = await applyMoves(context, session, moves));
  }
  const listing = {
    type: 'io.godwit.v1.balance.list',
    items,
    columns: balanceColumns(apply === true),
    name: ({ container }: BalanceItem) => container,
  };
  const forPeople = context.format === 'table' || context.format === 'wide';
  if (items.length > 0 || !forPeople) await writeList(terminal, listing, context);
  return applied || failed || silent || nobody;
}

/** One node after the other, the fullest first: each is told what the others have planned. */
async function askPlans(
  context: Context,
  session: Session,
  nodes: readonly NodeInfo[],
): Promise<{ readonly plans: readonly BalanceReply[]; readonly exitCode: number }> {
  const fullness = ({ load }: NodeInfo) => (load ? largest(combined(load)).value : 0);
  const plans: BalanceReply[] = [];
  let exitCode = 0;
  for (const { node } of [...nodes]
    .filter(({ containers }) => containers.length > 0)
    .sort((a, b) => fullness(b) - fullness(a))) {
    const planned = plans.flatMap(({ moves }) => moves.map(promiseOf)).slice(0, LIMITS.balanceMoves);
    try {
      plans.push(await session.request('node', node, 'balance', { planned }, { timeoutMs: PLAN_MS }));
    } catch (error) {
      const told = toGodwitError(error);
      writeError(context.terminal, told, context);
      exitCode ||= told.exitCode;
    }
  }
  return { plans, exitCode };
}

function promiseOf({ target, usage, memoryBytes }: BalanceMove): BalanceRequest['planned'][number] {
  return { target, usage, memoryBytes };
}
