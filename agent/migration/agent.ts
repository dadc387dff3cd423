import type { Logger } from 'pino';
import type { Capabilities, DomainSpec, Mode, Subjects, WireError } from '../../protocol/mod.ts';
import type { Bus } from '../bus/bus.ts';
import type { CheckpointStore } from '../checkpoint/store/store.ts';
import type { Bidding } from '../cluster/auction/bidding.ts';
import type { Failures } from '../cluster/auction/failures.ts';
import type { LoadMeter } from '../cluster/load/sampler.ts';
import type { AgentConfig } from '../config/config.ts';
import type { OwnedContainers } from '../containers/owned.ts';
import type { Criu } from '../criu/criu.ts';
import type { Clock } from '../effects/clock.ts';
import type { Random } from '../effects/random.ts';
import type { Runner } from '../effects/runner.ts';
import type { Turns } from '../effects/turns.ts';
import type { Faults } from '../faults/faults.ts';
import type { Departures } from '../jobs/departures.ts';
import type { PublishEvent } from '../jobs/events.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { LaunchPager } from '../pager/client.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { SharedLink } from '../transfer/shared-link.ts';
import type { DataPort } from '../transfer/stream.ts';
import type { FirstPages } from './first-pages.ts';
import type { PairModels } from './pair-models.ts';

/** A move that arrives here, as the source's words reach it. */
export interface Arriving {
  readonly container: string;
  readonly spec: DomainSpec;
  /** Resolves when this side is done with the move, or waits for an operator's decision; never before the memory is in its place. */
  readonly ended: Promise<unknown>;
  /** The rounds are over; resolves when everything is ready for the final dump. */
  switch(mode: Mode, rounds: number): Promise<void>;
  /** The record names this node. */
  commit(epoch: number): void;
  /** Resolves when nothing is left of it here; with what had gone wrong here, if that is why. */
  abort(reason: string): Promise<WireError | undefined>;
}

/** Everything one agent is made of; each part is an interface, so that a simulated one can stand in. */
export interface Agent {
  readonly config: AgentConfig;
  readonly version: string;
  /** Changes with each start of the agent. */
  readonly incarnation: string;
  readonly startedAtMs: number;
  readonly log: Logger;
  readonly clock: Clock;
  readonly random: Random;
  readonly runner: Runner;
  readonly bus: Bus;
  readonly subjects: Subjects;
  readonly runtime: Runtime;
  readonly criu: Criu;
  readonly launchPager: LaunchPager;
  readonly data: DataPort;
  /** What all moves may send together, shared among them. */
  readonly outbound: SharedLink;
  readonly containers: OwnedContainers;
  readonly jobs: Jobs;
  /** Moves that leave, and wait for it. */
  readonly departures: Departures;
  readonly publish: PublishEvent;
  readonly pairs: PairModels;
  readonly firstPages: FirstPages;
  /** What this node has promised in auctions. */
  readonly bidding: Bidding;
  /** Members of a group look for a place one after the other, so that each auction sees where those before it go. */
  readonly groupTurns: Turns;
  /** Moves to other nodes that failed. */
  readonly failures: Failures;
  /** How many nodes the last auction found: undefined before the first, and forgotten with the agent. */
  readonly nodes: { seen?: number };
  /** What this node and its containers use. */
  readonly load: LoadMeter;
  /** Where this node keeps checkpoints, if it does. */
  readonly checkpoints: CheckpointStore | undefined;
  /** Where a move comes by a fault point it asks here. */
  readonly faults: Faults;
  readonly capabilities: () => Promise<Capabilities>;
  /** Remarks of the bus layer an operator should see. */
  readonly notes: readonly string[];
  /** Mutable: what the operator said of this node. */
  readonly node: { state: 'up' | 'cordoned' | 'draining' };
  /** Moves that arrive here now, by job. */
  readonly arriving: Map<string, Arriving>;
  /** Jobs whose remains are just being removed: nothing may begin in their directories. */
  readonly sweeping: Set<string>;
  /** A move is over: what may be left of it on this node, and on this container of it, is removed, soon. */
  readonly sweep: (container?: string) => void;
}
