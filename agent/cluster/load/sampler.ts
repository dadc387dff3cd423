import { availableParallelism, totalmem } from 'node:os';
import type { Capacity, NodeLoad, Usage } from '../../../protocol/mod.ts';
import type { Stoppable } from '../../bus/bus.ts';
import type { AgentConfig } from '../../config/config.ts';
import type { Clock } from '../../effects/clock.ts';
import type { CgroupPaths, Runtime } from '../../runtime/runtime.ts';
import { groupCounters } from './cgroup-counters.ts';
import { Groups, topGroup } from './groups.ts';
import { busiestTraffic } from './network.ts';
import { memoryCapacity, nodeCounters } from './node-counters.ts';
import { readStalls } from './pressure.ts';
import { type Counters, type LoadState, lookAgain, NO_LOOK, nodeLoad } from './smooth.ts';

const PERIOD_MS = 2_000;
/** A look is followed by a pause of so many times its own length: however many containers there are, looking takes half a percent. */
const PAUSE_FACTOR = 200;
/** What only waited for the runtime, or for a processor, took no such part: promises would lapse before their load shows. */
const PAUSE_MAX_MS = 10_000;

/** What is known of this node's load. */
export interface LoadMeter extends Stoppable {
  readonly capacity: Capacity;
  /** Undefined in the first seconds. */
  node(): NodeLoad | undefined;
  /** What one container uses; undefined until it was looked at twice. */
  usage(container: string): Usage | undefined;
  /** False where the kernel has no PSI. */
  readonly seesPressure: boolean;
}

interface Sampled {
  readonly config: Pick<AgentConfig, 'ioBytesPerSecond' | 'networkBytesPerSecond'>;
  readonly clock: Clock;
  readonly runtime: Pick<Runtime, 'status' | 'cgroupOf'>;
  /** The containers that should run here. */
  readonly running: () => readonly string[];
  readonly warn: (problem: { readonly err: unknown }, text: string) => void;
}

/** Begins to look at the node and its containers every other second. @throws GodwitError HOST_FAILED */
export async function startSampling(agent: Sampled): Promise<LoadMeter> {
  const { clock, config } = agent;
  const top = await topGroup();
  const groups = new Groups(agent.runtime);
  const stop = new AbortController();
  let state: LoadState = NO_LOOK;
  const look = async () => {
    const stalls = readStalls(top.dirs.unified);
    const containers = await containerCounters(agent, groups);
    const node = nodeCounters(top);
    state = lookAgain(state, { atMs: clock.monotonicMs(), node, containers, ...(stalls ? { stalls } : {}) });
  };
  const run = async () => {
    while (!stop.signal.aborted) {
      const beganMs = clock.monotonicMs();
      await look().catch((error: unknown) => agent.warn({ err: error }, 'the load could not be read'));
      const tookMs = clock.monotonicMs() - beganMs;
      await clock.sleep(pauseAfter(tookMs), stop.signal);
    }
  };
  const running = run().catch(() => {});
  const capacity = capacityOf(config, top);
  return {
    capacity,
    seesPressure: readStalls(top.dirs.unified) !== undefined,
    node: () => nodeLoad(state, capacity),
    usage: (container) => state.containers.get(container),
    stop: async () => {
      stop.abort(new Error('the agent stops'));
      await running;
    },
  };
}

/** How long to wait before the next look. */
export function pauseAfter(tookMs: number): number {
  return Math.min(PAUSE_MAX_MS, Math.max(PERIOD_MS, tookMs * PAUSE_FACTOR));
}

function capacityOf(config: Sampled['config'], top: CgroupPaths): Capacity {
  return {
    cpus: availableParallelism(),
    memoryBytes: memoryCapacity(top, totalmem()),
    ioBytesPerSecond: config.ioBytesPerSecond,
    networkBytesPerSecond: config.networkBytesPerSecond,
  };
}

async function containerCounters(agent: Sampled, groups: Groups): Promise<Map<string, Counters>> {
  const names = agent.running();
  groups.keep(new Set(names));
  const counters = new Map<string, Counters>();
  for (const name of names) {
    const found = await groups.of(name, agent.clock.monotonicMs());
    if (found) counters.set(name, { ...groupCounters(found.paths), ...busiestTraffic(found.pid) });
  }
  return counters;
}
