import {
  AT_REST,
  type Balance,
  type BalanceAnswer,
  type BalanceEffect,
  type BalanceEvent,
  type BalanceMove,
  type BalanceRules,
  balanceStep,
  type Here,
  type Question,
} from '../../../protocol/mod.ts';
import type { Chance } from '../handover/chance.ts';
import type { Timeline } from '../timeline.ts';
import { CAPACITY, type SimContainer, type SimNode } from './world.ts';

/** How nodes balance. */
export interface Manners {
  readonly rules: BalanceRules;
  /** For so long a container stays that has come. */
  readonly stayMs: number;
}

/** What the nodes of one simulated cluster share. */
export interface Cluster {
  readonly nodes: readonly SimNode[];
  readonly byId: ReadonlyMap<string, SimNode>;
  readonly timeline: Timeline;
  readonly chance: Chance;
  readonly manners: Manners;
  /** So many messages were sent or received. */
  readonly told: (messages: number) => void;
  readonly moved: (container: SimContainer, from: SimNode, to: SimNode) => void;
}

const LATENCY_MS = 5;
/** What a move gets of a node's network: half of it. */
const LINK_BYTES_PER_MS = CAPACITY.networkBytesPerSecond / 2_000;
const FIXED_MS = 500;
/** A question and its answer, each sent by one and received by another. */
const EXCHANGE = 4;

/** One node balances for ever, as agent/cluster/balance does: performs what the core decides. */
export function keepBalanced(node: SimNode, cluster: Cluster): void {
  const { timeline, chance, nodes, byId, manners } = cluster;
  const { rules, stayMs } = manners;
  /** When containers came, as far as it has seen. */
  const known = new Map([...node.containers].map((one) => [one, Number.NEGATIVE_INFINITY]));
  let state: Balance = AT_REST;
  let auctions = 0;
  timeline.at(chance.between(0, rules.periodMs), look);

  function look(): void {
    for (const one of known.keys()) if (!node.containers.has(one)) known.delete(one);
    for (const one of node.containers) if (!known.has(one)) known.set(one, timeline.nowMs);
    if (node.arriving > 0) timeline.at(rules.periodMs * (0.5 + chance.next()), look);
    else feed({ kind: 'look', here: here(), ...moment() });
  }

  function feed(event: BalanceEvent): void {
    const step = balanceStep(state, event, rules);
    state = step.state;
    for (const effect of step.effects) perform(effect);
  }

  function perform(effect: BalanceEffect): void {
    const later = (event: () => BalanceEvent) => timeline.at(LATENCY_MS, () => feed(event()));
    switch (effect.kind) {
      case 'wake':
        return timeline.at(effect.atMs - timeline.nowMs, look);
      case 'sample': {
        cluster.told(effect.count);
        const neighbours = sample(effect.count).map((one) => one.announced(timeline.nowMs));
        return later(() => ({ kind: 'sampled', here: here(), neighbours, ...moment() }));
      }
      case 'check': {
        cluster.told(EXCHANGE * effect.moves.length);
        const answers = effect.moves.map((one) => ask(one, `${node.id}-check${auctions++}`, 'dry'));
        return later(() => ({ kind: 'checked', answers, ...moment() }));
      }
      case 'ask': {
        cluster.told(EXCHANGE);
        const answer = ask(effect.move, `${node.id}-${++auctions}`, 'firm');
        return later(() => ({ kind: 'answered', answer, here: here(), ...moment() }));
      }
      case 'move':
        return move(effect.move, `${node.id}-${auctions}`);
    }
  }

  function moment() {
    return { nowMs: timeline.nowMs, chance: chance.next() };
  }

  function here(): Here {
    const stays = (one: SimContainer) => timeline.nowMs - (known.get(one) ?? timeline.nowMs) < stayMs;
    const containers = [...node.containers];
    const movable = containers
      .filter((one) => !stays(one))
      .map(({ name, usage, group }) => ({
        container: name,
        usage,
        memoryBytes: usage.memoryBytes,
        costMs: costMs(usage.memoryBytes),
        ...(group === undefined ? {} : { placement: { group, apart: 'prefer' as const } }),
      }));
    const fixedGroups = containers.flatMap((one) => (stays(one) ? (one.group ?? []) : []));
    const load = node.measured(timeline.nowMs);
    return { node: node.id, load, capacity: CAPACITY, labels: {}, movable, fixedGroups };
  }

  function sample(wanted: number): SimNode[] {
    const found = new Set<SimNode>();
    while (found.size < Math.min(wanted, nodes.length - 1)) {
      const one = chance.oneOf(nodes);
      if (one !== node) found.add(one);
    }
    return [...found];
  }

  function ask(wish: BalanceMove, auction: string, how: 'dry' | 'firm'): BalanceAnswer {
    const { container, target, usage, memoryBytes } = wish;
    const group = named(container)?.group;
    const question: Question = {
      ...{ auction, container, source: node.id, arch: 'x64', usage, memoryBytes, exclude: [] },
      firm: how === 'firm',
      placement: group === undefined ? undefined : { group, apart: 'prefer' },
    };
    const keeps = how === 'firm' ? 'keeps' : 'forgets';
    const answer = byId.get(target)!.answer(question, timeline.nowMs, keeps);
    return { container, node: target, said: { ...answer, reasons: answer.reasons.map(({ code }) => code) } };
  }

  function move({ container, target: id }: BalanceMove, auction: string): void {
    const [one, target] = [named(container), byId.get(id)!];
    if (!one || !target.prepare(auction, timeline.nowMs, {}))
      return feed({ kind: 'ended', moved: false, ...moment() });
    timeline.at(costMs(one.usage.memoryBytes), () => {
      node.change(one, 'gives', timeline.nowMs);
      target.arrived(auction, one, timeline.nowMs);
      one.moves += 1;
      cluster.moved(one, node, target);
      feed({ kind: 'ended', moved: true, ...moment() });
    });
  }

  function named(name: string): SimContainer | undefined {
    return [...node.containers].find((one) => one.name === name);
  }
}

function costMs(bytes: number): number {
  return FIXED_MS + bytes / LINK_BYTES_PER_MS;
}
