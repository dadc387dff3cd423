import {
  type Answer,
  askingFor,
  type Evacuation,
  evacuationOf,
  evacuationStep,
  isAsked,
  type Question,
  type Ranked,
  rank,
} from '../../../protocol/mod.ts';
import { Chance } from '../handover/chance.ts';
import { Timeline } from '../timeline.ts';
import { crowdedNodes, type SimContainer, type SimNode } from './world.ts';

/** A deliberate mistake. */
export interface Variant {
  /** The source takes any bid instead of the best. */
  readonly anyBid?: boolean;
  /** Bidders do not count what is coming to them. */
  readonly forgetful?: boolean;
  /** All nodes are asked each time. */
  readonly everybody?: boolean;
}

export const BROKEN: Readonly<Record<string, Variant>> = {
  'any-bid': { anyBid: true },
  'forgets-arrivals': { forgetful: true },
};

/** What became of a cluster that lost a tenth of its nodes at once. */
export interface Report {
  readonly nodes: number;
  readonly leaving: number;
  readonly containers: number;
  readonly stayed: number;
  /** Auctions for one container that left. */
  readonly auctionsEach: number;
  /** Moves of the container that moved most. */
  readonly movesMost: number;
  /** Load (largest component) of the fullest node that took something, and of what was there before it. */
  readonly peakTaken: number;
  readonly peakBefore: number;
  readonly meanAfter: number;
  /** Answers one auction got. */
  readonly answersEach: number;
  readonly arrivalsMost: number;
  readonly memoryMost: number;
  readonly tookMs: number;
}

/** The largest containers fill a third of a node: a node that takes one need not be fuller than this afterwards. */
const FULL_ENOUGH = 0.42;
/** Answers of one auction at most: the sample's size, and what chance adds to it. */
const ANSWERS = 600;

/** The rules that a report breaks. */
export function broken(report: Report): string[] {
  const { stayed, movesMost, peakTaken, answersEach, arrivalsMost, memoryMost, nodes } = report;
  return [
    ...(stayed > 0 && nodes >= 10 ? [`${stayed} containers found no place`] : []),
    ...(movesMost > 1 ? [`a container moved ${movesMost} times`] : []),
    ...(peakTaken > FULL_ENOUGH ? [`a node that took something is at ${peakTaken.toFixed(2)}`] : []),
    ...(answersEach > ANSWERS ? [`${answersEach} answers an auction`] : []),
    ...(arrivalsMost > 4 ? [`${arrivalsMost} moves arrived at once`] : []),
    ...(memoryMost > 1 ? ['more memory was promised than there is'] : []),
  ];
}

/** A tenth of the nodes is evacuated at once, two moves at a time each, with the real cores. The same seed, the same run. */
export function loseATenth(count: number, seed: number, variant: Variant = {}): Report {
  const chance = new Chance(seed);
  const nodes = crowdedNodes(count, chance);
  const leaving = nodes.filter((_node, i) => i % 10 === 3);
  const staying = nodes.filter((node) => !leaving.includes(node));
  for (const node of leaving) node.leaving = true;
  const peakBefore = mostOf(staying.map(({ peak }) => peak));
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const timeline = new Timeline();
  let lastMs = 0;
  const counts = { auctions: 0, answers: 0 };
  const taken = new Set<SimNode>();
  const evacuations = leaving.map((node) => startEvacuation(node));
  while (timeline.step(Number.POSITIVE_INFINITY));
  const items = evacuations.flatMap((evacuation) => evacuation().items);
  return {
    nodes: count,
    leaving: leaving.length,
    containers: items.length,
    stayed: items.filter(({ state }) => state !== 'moved').length,
    auctionsEach: counts.auctions / Math.max(1, items.length),
    movesMost: mostOf(nodes.flatMap((node) => [...node.containers].map(({ moves }) => moves))),
    peakTaken: mostOf([...taken].map(({ peak }) => peak)),
    peakBefore,
    meanAfter: staying.reduce((sum, { peak }) => sum + peak, 0) / staying.length,
    answersEach: counts.answers / Math.max(1, counts.auctions),
    arrivalsMost: mostOf(nodes.map(({ arrivingMost }) => arrivingMost)),
    memoryMost: mostOf(nodes.map(({ load }) => load.memory)),
    tookMs: lastMs,
  };

  function startEvacuation(source: SimNode): () => Evacuation {
    const containers = new Map([...source.containers].map((one) => [one.name, one]));
    const list = [...containers.values()].map(({ name, usage, group }) => ({
      container: name,
      memoryBytes: usage.memoryBytes,
      ...(group === undefined ? {} : { group }),
    }));
    let state = evacuationOf(list, { parallel: 2, deadlineAtMs: 3_600_000 });
    // By the announcements that an agent listens to when it starts.
    let seen: number | undefined = count;
    const feed = (event: Parameters<typeof evacuationStep>[1]): void => {
      const step = evacuationStep(state, event);
      state = step.state;
      for (const effect of step.effects) {
        if (effect.kind === 'wake')
          timeline.at(effect.atMs - timeline.nowMs, () => feed({ kind: 'look', nowMs: timeline.nowMs }));
        if (effect.kind === 'move') move(containers.get(effect.container)!);
      }
    };
    const move = (container: SimContainer): void => {
      const auction = `${source.id}-${container.name}-${counts.auctions}`;
      const { share } = askingFor(variant.everybody ? undefined : seen);
      const answers = ask(source, container, auction, share);
      seen = answers.length / share;
      const bids = choose(answers, container);
      award(auction, answers, bids.slice(0, 3));
      const target = bids.find((id) => byId.get(id)?.prepare(auction, timeline.nowMs, variant));
      const tookMs = 500 + (container.usage.memoryBytes / 117e6) * 1000;
      const ended = (outcome: 'moved' | 'failed') =>
        feed({
          kind: 'ended',
          nowMs: timeline.nowMs,
          container: container.name,
          outcome,
          target,
          reason: 'nobody',
        });
      if (target === undefined) return void timeline.at(100, () => ended('failed'));
      timeline.at(tookMs, () => {
        source.change(container, 'gives', timeline.nowMs);
        container.moves += 1;
        byId.get(target)!.arrived(auction, container, timeline.nowMs);
        taken.add(byId.get(target)!);
        lastMs = timeline.nowMs;
        ended('moved');
      });
    };
    // Alerts reach the nodes within some seconds.
    timeline.at(chance.between(0, 3_000), () => feed({ kind: 'look', nowMs: timeline.nowMs }));
    return () => state;
  }

  function ask(source: SimNode, container: SimContainer, auction: string, share: number): Answer[] {
    const { usage, name, group } = container;
    const question: Question = {
      auction,
      container: name,
      source: source.id,
      arch: 'x64',
      usage,
      memoryBytes: usage.memoryBytes,
      exclude: [],
      placement: group === undefined ? undefined : { group, apart: 'prefer' },
    };
    counts.auctions += 1;
    const asked = nodes.filter((node) => node !== source && isAsked(node.id, auction, share));
    const answers = asked.map((node) => node.answer(question, timeline.nowMs));
    counts.answers += answers.length;
    return answers;
  }

  /** As the agent's auction ends: all but the best have back what they kept, once the word reaches them. */
  function award(auction: string, answers: readonly Answer[], kept: readonly string[]): void {
    timeline.at(5, () => {
      for (const { node } of answers) if (!kept.includes(node)) byId.get(node)!.lost(auction, timeline.nowMs);
    });
  }

  function choose(answers: readonly Answer[], container: SimContainer): string[] {
    const { group } = container;
    const ranked = rank(answers, group === undefined ? undefined : { group, apart: 'prefer' }, () => ({
      transferMs: (container.usage.memoryBytes / 117e6) * 1000,
      failures: 0,
    }));
    const bids = ranked.filter(({ score }) => score !== undefined).map(({ answer }: Ranked) => answer.node);
    if (variant.anyBid) return bids.length > 0 ? [chance.oneOf(bids)] : [];
    return bids.slice(0, 8);
  }
}

function mostOf(numbers: readonly number[]): number {
  return numbers.reduce((most, one) => Math.max(most, one), Number.NEGATIVE_INFINITY);
}
