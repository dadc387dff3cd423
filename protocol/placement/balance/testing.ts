import { type Capacity, type LoadVector, largest, loadOf, NO_LOAD, plus } from '../load.ts';
import {
  AT_REST,
  type Balance,
  type BalanceAnswer,
  type BalanceEvent,
  type BalanceRules,
  balanceStep,
} from './balance.ts';
import type { BalanceMove, Here, Movable, Neighbour } from './words.ts';

/** A node of a small cluster in which everybody answers at once. */
export interface TestNode {
  readonly node: string;
  readonly capacity: Capacity;
  readonly labels?: Readonly<Record<string, string>>;
  containers: Movable[];
}

export const TEST_RULES: BalanceRules = {
  purpose: 'act',
  sample: 8,
  threshold: 0.15,
  minGain: 0.01,
  looks: 1,
  periodMs: 30_000,
};

export function loadAt({ capacity, containers }: TestNode): LoadVector {
  return containers.reduce((load, { usage }) => plus(load, loadOf(usage, capacity)), NO_LOAD);
}

export function peakAmong(nodes: readonly TestNode[]): number {
  return Math.max(...nodes.map((node) => largest(loadAt(node)).value));
}

export function hereOf(node: TestNode): Here {
  const { capacity, containers, labels = {} } = node;
  return { node: node.node, load: loadAt(node), capacity, labels, movable: containers, fixedGroups: [] };
}

export function neighbourOf(node: TestNode): Neighbour {
  const { capacity, labels = {} } = node;
  return {
    node: node.node,
    load: loadAt(node),
    capacity,
    labels,
    memoryAvailableBytes: capacity.memoryBytes,
  };
}

/** What a node says of taking a container. @param refuse reasons of its own */
export function answerOf(
  nodes: readonly TestNode[],
  { container, source, target }: BalanceMove,
  refuse: readonly string[],
): BalanceAnswer {
  const [from, to] = [source, target].map((id) => nodes.find(({ node }) => node === id)!) as [
    TestNode,
    TestNode,
  ];
  const one = from.containers.find((known) => known.container === container);
  const load = loadAt(to);
  const after = one ? plus(load, loadOf(one.usage, to.capacity)) : load;
  return { container, node: target, said: { reasons: refuse, load, after, groupMembers: 0 } };
}

/**
 * Lets every node balance in turn until nobody wants to move anything: the moves in their order.
 * @param refuse what a target says against a move
 */
export function settle(
  nodes: readonly TestNode[],
  rules: BalanceRules = TEST_RULES,
  refuse: (move: BalanceMove) => readonly string[] = () => [],
): BalanceMove[] {
  const moves: BalanceMove[] = [];
  for (let quiet = 0, at = 0; quiet < nodes.length && at < 50 * nodes.length; at++) {
    const before = moves.length;
    moves.push(...turn(nodes[at % nodes.length]!, nodes, rules, refuse));
    quiet = moves.length === before ? quiet + 1 : 0;
  }
  return moves;
}

/** One look of one node and all that comes of it. */
function turn(
  self: TestNode,
  nodes: readonly TestNode[],
  rules: BalanceRules,
  refuse: (move: BalanceMove) => readonly string[],
): BalanceMove[] {
  const moment = { nowMs: 0, chance: 0.5 };
  const moves: BalanceMove[] = [];
  const events: BalanceEvent[] = [{ kind: 'look', here: hereOf(self), ...moment }];
  let state: Balance = AT_REST;
  for (let event = events.shift(); event; event = events.shift()) {
    const step = balanceStep(state, event, rules);
    state = step.state;
    for (const effect of step.effects) {
      if (effect.kind === 'sample') {
        const neighbours = nodes.filter((node) => node !== self).map(neighbourOf);
        events.push({ kind: 'sampled', here: hereOf(self), neighbours, ...moment });
      } else if (effect.kind === 'check') {
        const answers = effect.moves.map((move) => answerOf(nodes, move, refuse(move)));
        events.push({ kind: 'checked', answers, ...moment });
      } else if (effect.kind === 'ask') {
        const answer = answerOf(nodes, effect.move, refuse(effect.move));
        events.push({ kind: 'answered', answer, here: hereOf(self), ...moment });
      } else if (effect.kind === 'move') {
        const { container, target } = effect.move;
        const one = self.containers.find((known) => known.container === container)!;
        self.containers = self.containers.filter((known) => known !== one);
        nodes.find(({ node }) => node === target)!.containers.push(one);
        moves.push(effect.move);
        events.push({ kind: 'ended', moved: true, ...moment });
      }
    }
  }
  return moves;
}
