import type { BalanceRules } from '../../../protocol/mod.ts';
import { Chance } from '../handover/chance.ts';
import { Timeline } from '../timeline.ts';
import { keepBalanced, type Manners } from './keep-balanced.ts';
import { keepVarying } from './vary.ts';
import { crowdedNodes, type SimContainer, type SimNode } from './world.ts';

const MINUTE_MS = 60_000;
const LENGTH_MS = 60 * MINUTE_MS;
/** By then it has to be level. */
const LATE_MINUTE = 30;
/** A cluster is level while its fullest node is no fuller than the mean by this: the largest containers fill 0.35. */
const LEVEL = 0.3;
/** As the configuration is without a word. */
const USUAL: Manners = {
  rules: { purpose: 'act', sample: 8, threshold: 0.15, minGain: 0.05, looks: 2, periodMs: 30_000 },
  stayMs: 600_000,
};
const EAGER: BalanceRules = { ...USUAL.rules, threshold: 0.001, minGain: 0.001, looks: 1 };

/** Deliberate mistakes. `restless`: any gain is good enough at once, and what has just come may go again. */
export const BALANCE_BROKEN: Readonly<Record<string, Manners>> = {
  restless: { rules: EAGER, stayMs: 0 },
};

/** How a cluster balanced itself for an hour. */
export interface BalanceReport {
  readonly nodes: number;
  readonly containers: number;
  /** Largest component of the load: of the fullest node, and of all in the mean. */
  readonly peakBefore: number;
  readonly peakAfter: number;
  readonly meanAfter: number;
  readonly moves: number;
  /** Moves of the container that moved most; moves to where a container had been before. */
  readonly movesMost: number;
  readonly returns: number;
  /** From then on it was level. */
  readonly levelMinute: number;
  /** Moves of the second half hour, for each container: loads go up and down. */
  readonly lateEach: number;
  /** Of the busiest minute, for each node: announcements heard, questions and answers, sent and received. */
  readonly messagesEach: number;
  /** Arrivals at one node at the same time. */
  readonly arrivalsMost: number;
}

/** The rules that a report breaks. */
export function brokenBalance(report: BalanceReport): string[] {
  const { movesMost, returns, levelMinute, containers, lateEach, messagesEach, arrivalsMost } = report;
  return [
    ...(movesMost > 2 ? [`a container moved ${movesMost} times`] : []),
    ...(returns > 0 ? [`${returns} moves led back to where a container had been`] : []),
    ...(levelMinute > LATE_MINUTE ? [`it was not level before minute ${levelMinute}`] : []),
    ...(lateEach > 0.02 + 2 / containers
      ? [`${(100 * lateEach).toFixed(1)} of 100 containers moved in the second half hour`]
      : []),
    ...(messagesEach > 20 ? [`${messagesEach.toFixed(0)} messages a minute for each node`] : []),
    ...(arrivalsMost > 1 ? [`${arrivalsMost} moves arrived at once`] : []),
  ];
}

interface Move {
  readonly container: SimContainer;
  readonly from: SimNode;
  readonly to: SimNode;
  readonly minute: number;
}

/**
 * Every node balances by itself, with the real core and the real bidder, while what containers use goes up and down. The same
 * seed, the same run.
 */
export function balanceForAnHour(count: number, seed: number, manners: Manners = USUAL): BalanceReport {
  const chance = new Chance(seed);
  const nodes = crowdedNodes(count, chance);
  const timeline = new Timeline();
  const minute = () => timeline.nowMs / MINUTE_MS;
  const peaks = () => nodes.map(({ peak }) => peak);
  const mean = () => peaks().reduce((sum, peak) => sum + peak, 0) / count;
  const peakBefore = mostOf(peaks());
  let levelMinute = 0;
  const messages: number[] = [];
  const moves: Move[] = [];
  const cluster = {
    ...{ nodes, timeline, chance, manners },
    byId: new Map(nodes.map((node) => [node.id, node])),
    told: (number: number) => {
      messages[Math.floor(minute())] = (messages[Math.floor(minute())] ?? 0) + number;
    },
    moved: (container: SimContainer, from: SimNode, to: SimNode) =>
      moves.push({ container, from, to, minute: minute() }),
  };
  for (const node of nodes) keepBalanced(node, cluster);
  keepVarying(nodes, timeline, chance);
  watch();
  while (timeline.step(LENGTH_MS));
  const containers = nodes.flatMap((node) => [...node.containers]);
  return {
    nodes: count,
    containers: containers.length,
    peakBefore,
    peakAfter: mostOf(peaks()),
    meanAfter: mean(),
    moves: moves.length,
    movesMost: mostOf(containers.map((one) => one.moves)),
    returns: returnsOf(moves),
    levelMinute,
    lateEach: moves.filter((move) => move.minute > LATE_MINUTE).length / containers.length,
    messagesEach: mostOf(messages.filter((number) => number > 0)) / count,
    arrivalsMost: mostOf(nodes.map(({ arrivingMost }) => arrivingMost)),
  };

  function watch(): void {
    if (mostOf(peaks()) > mean() + LEVEL) levelMinute = minute() + 1;
    timeline.at(MINUTE_MS, watch);
  }
}

function returnsOf(moves: readonly Move[]): number {
  const homes = new Map<SimContainer, Set<SimNode>>();
  let returns = 0;
  for (const { container, from, to } of moves) {
    const known = homes.get(container) ?? new Set([from]);
    if (known.has(to)) returns += 1;
    homes.set(container, known.add(to));
  }
  return returns;
}

function mostOf(numbers: readonly number[]): number {
  return numbers.reduce((most, one) => Math.max(most, one), 0);
}
