import {
  type BidderFacts,
  type BidderState,
  bidderStep,
  type Capacity,
  type LoadVector,
  largest,
  loadOf,
  NO_LOAD,
  NOTHING_PROMISED,
  plus,
  type Question,
  type Usage,
} from '../../../protocol/mod.ts';
import type { Chance } from '../handover/chance.ts';

const GIB = 1024 ** 3;
const CAPACITY: Capacity = {
  cpus: 32,
  memoryBytes: 128 * GIB,
  ioBytesPerSecond: 1e9,
  networkBytesPerSecond: 1.2e9,
};
/** Containers of one node at the start, on average. */
export const PER_NODE = 6;
const ARRIVALS_MAX = 4;

export interface SimContainer {
  readonly name: string;
  readonly usage: Usage;
  readonly group?: string;
  moves: number;
}

/** A node: its containers, and the real bidder's promises. */
export class SimNode {
  readonly id: string;
  readonly containers = new Set<SimContainer>();
  load: LoadVector = NO_LOAD;
  leaving = false;
  arriving = 0;
  arrivingMost = 0;
  private promises: BidderState = NOTHING_PROMISED;

  constructor(id: string) {
    this.id = id;
  }

  /** Gets a container, or gives it away. */
  change(container: SimContainer, how: 'takes' | 'gives'): void {
    if (how === 'takes') this.containers.add(container);
    else this.containers.delete(container);
    this.load = plus(this.load, loadOf(container.usage, CAPACITY), how === 'takes' ? 1 : -1);
  }

  /** What the scheduler of the node would feel. */
  get peak(): number {
    return largest(this.load).value;
  }

  answer(question: Question, nowMs: number) {
    const facts: BidderFacts = {
      node: this.id,
      state: this.leaving ? 'draining' : 'up',
      arch: 'x64',
      labels: {},
      capacity: CAPACITY,
      load: { use: this.load, pressure: NO_LOAD },
      memoryAvailableBytes: (1 - this.load.memory) * CAPACITY.memoryBytes,
      arrivals: this.arriving,
      arrivalsMax: ARRIVALS_MAX,
      nameInUse: false,
      groupMembers: [...this.containers].filter(
        ({ group }) => group !== undefined && group === question.placement?.group,
      ).length,
    };
    const { state, effects } = bidderStep(this.promises, { kind: 'asked', question, facts, nowMs });
    this.promises = state;
    return effects[0]!.answer;
  }

  /** Others have won. */
  lost(auction: string, nowMs: number): void {
    this.promises = bidderStep(this.promises, { kind: 'lost', auction, nowMs }).state;
  }

  /** As the agent's `prepare` does; false: it has enough to do by now. */
  prepare(auction: string, nowMs: number, mistake: { readonly forgetful?: boolean }): boolean {
    if (this.arriving >= ARRIVALS_MAX) return false;
    this.arriving += 1;
    this.arrivingMost = Math.max(this.arrivingMost, this.arriving);
    if (!mistake.forgetful)
      this.promises = bidderStep(this.promises, { kind: 'prepared', auction, nowMs }).state;
    return true;
  }

  arrived(auction: string, container: SimContainer, nowMs: number): void {
    this.arriving -= 1;
    this.change(container, 'takes');
    this.promises = bidderStep(this.promises, { kind: 'ended', auction, stays: false, nowMs }).state;
  }
}

/** `count` nodes with containers thrown at them at random: heavy tails, most of each container's need in one component. */
export function crowdedNodes(count: number, chance: Chance): SimNode[] {
  const nodes = Array.from({ length: count }, (_, i) => new SimNode(`n${String(i).padStart(5, '0')}`));
  for (let i = 0; i < count * PER_NODE; i++) {
    const container = {
      name: `c${i}`,
      usage: anyUsage(chance),
      moves: 0,
      ...(i % 10 === 0 ? { group: `g${i % 50}` } : {}),
    };
    let node = chance.oneOf(nodes);
    // What does not fit was never started there.
    while (plus(node.load, loadOf(container.usage, CAPACITY)).memory > 0.85) node = chance.oneOf(nodes);
    node.change(container, 'takes');
  }
  return nodes;
}

function anyUsage(chance: Chance): Usage {
  const main = chance.oneOf(['cpu', 'memory', 'io', 'network'] as const);
  const part = (component: string) => {
    // Pareto with alpha 1.5: many small ones, a few that fill a third of a node.
    const size = Math.min(0.35, 0.03 / Math.max(0.001, chance.next()) ** (1 / 1.5));
    return component === main ? size : size / 8;
  };
  return {
    cpus: part('cpu') * CAPACITY.cpus,
    memoryBytes: part('memory') * CAPACITY.memoryBytes,
    ioBytesPerSecond: part('io') * CAPACITY.ioBytesPerSecond,
    networkBytesPerSecond: part('network') * CAPACITY.networkBytesPerSecond,
  };
}
