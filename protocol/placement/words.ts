import type { PlacementSpec } from '../domain/spec.ts';
import type { NodeState } from '../messages/node.ts';
import type { Capacity, LoadVector, NodeLoad, Usage } from './load.ts';

/** Why a node does not take a container, by the code of its refusal. */
export interface Reason {
  readonly code:
    | 'SAME_NODE'
    | 'NODE_EXCLUDED'
    | 'NODE_CORDONED'
    | 'ARCH_DIFFERS'
    | 'LABELS_MISSING'
    | 'NAME_IN_USE'
    | 'JOBS_FULL'
    | 'MEMORY_ROOM'
    | 'MEMORY_PROMISED'
    | 'GROUP_APART'
    | 'GROUP_TOGETHER';
  readonly what: string;
}

/** What a place is looked for, as every node is asked. */
export interface Question {
  readonly auction: string;
  readonly container: string;
  readonly source: string;
  readonly arch: string;
  readonly usage: Usage;
  /** Room that the move needs on its target. */
  readonly memoryBytes: number;
  readonly exclude: readonly string[];
  readonly placement?: PlacementSpec | undefined;
  /** No other node is asked: a bid counts as chosen at once, and is given only where nothing else arrives. */
  readonly firm?: boolean | undefined;
}

/** What a node knows of itself when it is asked. */
export interface BidderFacts {
  readonly node: string;
  readonly state: NodeState;
  readonly arch: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly capacity: Capacity;
  readonly load: NodeLoad;
  readonly memoryAvailableBytes: number;
  /** Moves that arrive now, and how many may. */
  readonly arrivals: number;
  readonly arrivalsMax: number;
  /** It knows a container of this name. */
  readonly nameInUse: boolean;
  /** Containers of the same group that run, or arrive, here. */
  readonly groupMembers: number;
}

/** A node's answer: without a reason it is a bid. */
export interface Answer {
  readonly node: string;
  readonly reasons: readonly Reason[];
  /** Its load with everything it has promised, and the same with the container. */
  readonly load: LoadVector;
  readonly after: LoadVector;
  readonly groupMembers: number;
}
