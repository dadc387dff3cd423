import { type BusOptions, connectBus, type NatsBus } from '../../../agent/bus/mod.ts';
import { systemClock } from '../../../agent/effects/system-clock.ts';
import type { ContainerRecord } from '../../../protocol/mod.ts';

const silent = () => undefined;

/** A logger that says nothing. */
export const quietLog = { debug: silent, info: silent, warn: silent, error: silent };

/** An agent's bus in cluster `test`, for node n1 unless told otherwise. */
export async function testBus(
  servers: string | readonly string[],
  options: Partial<BusOptions> = {},
): Promise<NatsBus> {
  return await connectBus({
    servers: typeof servers === 'string' ? [servers] : servers,
    node: 'n1',
    cluster: 'test',
    version: '0.1.0',
    recordReplicas: 1,
    clock: systemClock,
    log: quietLog,
    ...options,
  });
}

/** A record of a running container `name` on n1. */
export function testRecord(name: string, change: Partial<ContainerRecord> = {}): ContainerRecord {
  return {
    type: 'io.godwit.v1.record',
    name,
    uuid: '6a4a1f0e-9c1b-4a53-a0b2-4a4f5c0b8d11',
    owner: 'n1',
    epoch: 1,
    phase: 'running',
    spec: '<domain/>',
    ...change,
  };
}
