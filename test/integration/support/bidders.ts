import { Bidding, serveAuctions } from '../../../agent/cluster/auction/bidding.ts';
import { Failures } from '../../../agent/cluster/auction/failures.ts';
import { systemClock } from '../../../agent/effects/system-clock.ts';
import { systemRandom } from '../../../agent/effects/system-random.ts';
import type { Agent } from '../../../agent/migration/agent.ts';
import { PairModels } from '../../../agent/migration/pair-models.ts';
import { NO_LOAD, subjects } from '../../../protocol/mod.ts';
import { capabilities } from '../../support/messages.ts';
import { testBus } from './bus.ts';

const MIB = 1024 * 1024;

/** The part of an agent that takes part in auctions, on a bus of its own, without a host. */
export interface Bidder extends AsyncDisposable {
  readonly agent: Agent;
}

/** @param cpu use of its processors, 0 to 1 */
export async function startBidder(url: string, node: string, cpu: number): Promise<Bidder> {
  const bus = await testBus(url, { node });
  const usage = { cpus: 1, memoryBytes: 100 * MIB, ioBytesPerSecond: 0, networkBytesPerSecond: 0 };
  const agent = {
    config: { node, labels: {}, movesInMax: 4 },
    bus,
    subjects: subjects('test'),
    clock: systemClock,
    random: systemRandom,
    capabilities: async () => capabilities({ arch: 'x64' }),
    runtime: { stats: async () => ({ memoryBytes: 100 * MIB, processes: 1, cpuMs: 0 }) },
    containers: { has: () => false, list: () => [] },
    arriving: new Map(),
    node: { state: 'up' },
    load: {
      capacity: { cpus: 4, memoryBytes: 8192 * MIB, ioBytesPerSecond: 1e8, networkBytesPerSecond: 1e8 },
      node: () => ({ use: { ...NO_LOAD, cpu }, pressure: NO_LOAD }),
      usage: () => usage,
    },
    pairs: new PairModels(),
    failures: new Failures(),
    nodes: {},
    bidding: new Bidding(() => agent),
  } as unknown as Agent;
  const serving = await serveAuctions(agent);
  return {
    agent,
    [Symbol.asyncDispose]: async () => {
      await serving.stop();
      await bus.close();
    },
  };
}
