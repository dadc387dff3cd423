import { type Capacity, loadOf, type NodeLoad, type Usage } from '../../../protocol/mod.ts';

/** Counters of one thing that runs, as the kernel has them. They only grow, but for `memoryBytes`, which is as it is now. */
export interface Counters {
  readonly cpuMs: number;
  readonly memoryBytes: number;
  readonly ioBytes: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** For how long something on the node waited, milliseconds in all. */
export interface Stalls {
  readonly cpuMs: number;
  readonly memoryMs: number;
  readonly ioMs: number;
}

/** One look at the node. `stalls` is absent where the kernel has no PSI. */
export interface Look {
  /** Of a clock that never steps back. */
  readonly atMs: number;
  readonly node: Counters;
  readonly stalls?: Stalls;
  readonly containers: ReadonlyMap<string, Counters>;
}

/** What is known after some looks. */
export interface LoadState {
  readonly last?: Look;
  readonly node?: Usage;
  readonly pressure: { readonly cpu: number; readonly memory: number; readonly io: number };
  readonly containers: ReadonlyMap<string, Usage>;
}

export const NO_LOOK: LoadState = { pressure: { cpu: 0, memory: 0, io: 0 }, containers: new Map() };

/** After so long two thirds of a change show. */
const TIME_CONSTANT_MS = 10_000;

/**
 * Takes one more look in: rates against the one before, exponentially smoothed by the time between them, so that it does
 * not matter how often somebody looks. What is seen for the first time counts from the next look on. Pure.
 */
export function lookAgain(state: LoadState, look: Look): LoadState {
  const { last } = state;
  const elapsedMs = last ? look.atMs - last.atMs : 0;
  if (last && elapsedMs <= 0) return state;
  const weight = 1 - Math.exp(-elapsedMs / TIME_CONSTANT_MS);
  const containers = new Map<string, Usage>();
  for (const [name, counters] of look.containers) {
    const before = last?.containers.get(name);
    const known = state.containers.get(name);
    const seen = before && usageBetween(before, counters, elapsedMs);
    if (seen) containers.set(name, known ? blendUsage(known, seen, weight) : seen);
  }
  const node = last && usageBetween(last.node, look.node, elapsedMs);
  // A node whose counters stepped back is still as busy as it was, as far as anybody knows.
  const smoothed = node && state.node ? blendUsage(state.node, node, weight) : (node ?? state.node);
  return {
    last: look,
    ...(smoothed ? { node: smoothed } : {}),
    pressure: pressureAfter(state.pressure, last?.stalls, look.stalls, elapsedMs, weight),
    containers,
  };
}

/** The node's load as it is announced; undefined before the second look. */
export function nodeLoad({ node, pressure }: LoadState, capacity: Capacity): NodeLoad | undefined {
  return node && { use: loadOf(node, capacity), pressure: { ...pressure, network: 0 } };
}

/**
 * A counter of processors or disks that stepped back belongs to something new of the same name: undefined. One of the network
 * may be another interface's, which is the busiest now: no traffic.
 */
function usageBetween(before: Counters, now: Counters, elapsedMs: number): Usage | undefined {
  const cpuMs = now.cpuMs - before.cpuMs;
  const ioBytes = now.ioBytes - before.ioBytes;
  const received = now.receivedBytes - before.receivedBytes;
  const sent = now.sentBytes - before.sentBytes;
  if (Math.min(cpuMs, ioBytes) < 0) return undefined;
  const carried = Math.min(received, sent) < 0 ? 0 : Math.max(received, sent);
  return {
    cpus: cpuMs / elapsedMs,
    memoryBytes: now.memoryBytes,
    ioBytesPerSecond: (ioBytes / elapsedMs) * 1000,
    networkBytesPerSecond: (carried / elapsedMs) * 1000,
  };
}

function pressureAfter(
  known: LoadState['pressure'],
  before: Stalls | undefined,
  now: Stalls | undefined,
  elapsedMs: number,
  weight: number,
): LoadState['pressure'] {
  if (!before || !now) return known;
  const share = (name: keyof Stalls) => Math.min(1, Math.max(0, (now[name] - before[name]) / elapsedMs));
  return {
    cpu: blend(known.cpu, share('cpuMs'), weight),
    memory: blend(known.memory, share('memoryMs'), weight),
    io: blend(known.io, share('ioMs'), weight),
  };
}

/** Memory is as it is: what a move needs is not an average. */
function blendUsage(known: Usage, seen: Usage, weight: number): Usage {
  return {
    cpus: blend(known.cpus, seen.cpus, weight),
    memoryBytes: seen.memoryBytes,
    ioBytesPerSecond: blend(known.ioBytesPerSecond, seen.ioBytesPerSecond, weight),
    networkBytesPerSecond: blend(known.networkBytesPerSecond, seen.networkBytesPerSecond, weight),
  };
}

function blend(known: number, seen: number, weight: number): number {
  return known + weight * (seen - known);
}
