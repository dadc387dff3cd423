import type { Cluster } from '../support/cluster.ts';
import { startContainer } from '../support/containers.ts';
import { connectMemory, type Memory, memoryArgs } from '../support/memory.ts';
import { LEASE_ADDRESS, LEASE_PORT, TICK_MS } from './lease-service.ts';

/** Large enough that pages follow for a while, small enough for a walk of many moves. */
const TRAVELLER_MIB = 24;

const LEASE = 'test/e2e/workloads/lease/lease.py';
const leaseArgs = (name: string) => [LEASE_ADDRESS, String(LEASE_PORT), name, String(TICK_MS)];

/** What a container of the walk is called and where it is reached. */
interface Name {
  readonly name: string;
  readonly address: string;
}

/** The container that moves: it holds a lease at the service outside and memory of a known content. */
export async function startTraveller(
  cluster: Cluster,
  node: string,
  { name, address }: Name,
): Promise<Memory> {
  await startContainer(cluster, node, 'generic', {
    name,
    address,
    memoryMib: 2 * TRAVELLER_MIB + 64,
    programs: [LEASE, 'test/e2e/workloads/lease/beside.sh', 'test/e2e/workloads/memory/memory.py'],
    args: ['/bin/sh', '/beside.sh', ...leaseArgs(name), ...memoryArgs(TRAVELLER_MIB)],
  });
  const memory = await connectMemory(cluster, address);
  await memory.write(200, TRAVELLER_MIB);
  return memory;
}

/** A container that does not move and must not notice that others do. */
export async function startBystander(cluster: Cluster, node: string, { name, address }: Name): Promise<void> {
  await startContainer(cluster, node, 'generic', {
    name,
    address,
    memoryMib: 64,
    programs: [LEASE],
    args: ['/bin/python3', '-I', '-S', '/lease.py', ...leaseArgs(name)],
  });
}
