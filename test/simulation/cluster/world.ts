import {
  type BidderFacts,
  type BidderState,
  bidderStep,
  type Capacity,
  COMPONENTS,
  type LoadVector,
  largest,
  loadOf,
  type Neighbour,
  NO_LOAD,
  NOTHING_PROMISED,
  plus,
  type Question,
  type Usage,
} from '../../../protocol/mod.ts';
import type { Chance } from '../handover/chance.ts';

const GIB = 1024 ** 3;
export const CAPACITY: Capacity = {
  cpus: 32,
  memoryBytes: 128 * GIB,
  ioBytesPerSecond: 1e9,
  networkBytesPerSecond: 1.2e9,
};
/** Containers of one node at the start, on average. */
export const PER_NODE = 6;
const ARRIVALS_MAX = 4;
/** As an agent smooths what it measures (agent/cluster/load/smooth.ts). */
const TIME_CONSTANT_MS = 10_000;

export interface SimContainer {
  readonly name: string;
  /** What it uses now. */
  usage: Usage;
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
  private known: { readonly load: LoadVector; readonly atMs: number } | undefined;

  constructor(id: string) {
    this.id = id;
  }

  /** Gets a container, or gives it away. */
  change(container: SimContainer, how: 'takes' | 'gives', nowMs: number): void {
    this.known = { load: this.measured(nowMs), atMs: nowMs };
    if (how === 'takes') this.containers.add(container);
    else this.containers.delete(container);
    this.sum();
  }

  /** Its containers use something else from now on. */
  use(usageOf: (container: SimContainer) => Usage, nowMs: number): void {
    this.known = { load: this.measured(nowMs), atMs: nowMs };
    for (const container of this.containers) container.usage = usageOf(container);
    this.sum();
  }

  /** Everybody knows what was there at the start. */
  settle(): void {
    this.known = undefined;
  }

  /** What the scheduler of the node would feel. */
  get peak(): number {
    return largest(this.load).value;
  }

  /** What its agent knows of its load: what has come or gone shows after a while, but for memory. */
  measured(nowMs: number): LoadVector {
    const { known, load } = this;
    if (!known) return load;
    const weight = 1 - Math.exp(-(nowMs - known.atMs) / TIME_CONSTANT_MS);
    const smoothed = { ...load };
    for (const one of COMPONENTS)
      if (one !== 'memory') smoothed[one] = known.load[one] + weight * (load[one] - known.load[one]);
    return smoothed;
  }

  /** As it announces itself. */
  announced(nowMs: number): Neighbour {
    return {
      node: this.id,
      load: this.measured(nowMs),
      capacity: CAPACITY,
      memoryAvailableBytes: (1 - this.load.memory) * CAPACITY.memoryBytes,
      labels: {},
    };
  }

  /** @param how whether it keeps what it bids */
  answer(question: Question, nowMs: number, how: 'keeps' | 'forgets' = 'keeps') {
    const facts: BidderFacts = {
      node: this.id,
      state: this.leaving ? 'draining' : 'up',
      arch: 'x64',
      labels: {},
      capacity: CAPACITY,
      load: { use: this.measured(nowMs), pressure: NO_LOAD },
      memoryAvailableBytes: (1 - this.load.memory) * CAPACITY.memoryBytes,
      arrivals: this.arriving,
      arrivalsMax: ARRIVALS_MAX,
      nameInUse: false,
      groupMembers: [...this.containers].filter(
        ({ group }) => group !== undefined && group === question.placement?.group,
      ).length,
    };
    const { state, effects } = bidderStep(this.promises, { kind: 'asked', question, facts, nowMs });
    if (how === 'keeps') this.promises = state;
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
    this.change(container, 'takes', nowMs);
    this.promises = bidderStep(this.promises, { kind: 'ended', auction, stays: true, nowMs }).state;
  }

  private sum(): void {
    this.load = [...this.containers].reduce((sum, { usage }) => plus(sum, loadOf(usage, CAPACITY)), NO_LOAD);
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
    node.change(container, 'takes', 0);
  }
  for (const node of nodes) node.settle();
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
