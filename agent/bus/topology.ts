import { GodwitError } from '../../protocol/mod.ts';

/** Ports of the embedded servers; the same on every host. */
export interface NatsPorts {
  readonly client: number;
  /** Between the servers that keep the records. */
  readonly cluster: number;
  /** Where later nodes' servers come in. */
  readonly leaf: number;
}

/** NATS' customary ports. */
export const NATS_PORTS: NatsPorts = { client: 4222, cluster: 6222, leaf: 7422 };

/** What this node's server is among the others. */
export interface Topology {
  /** `alone`: keeps the records by itself. `member`: one of several that keep them. `leaf`: keeps none. */
  readonly role: 'alone' | 'member' | 'leaf';
  /** This node's own entry of the list, if it has one. */
  readonly self?: string;
  /** The hosts whose servers keep the records; empty for a node without peers. */
  readonly recordHosts: readonly string[];
  /** Copies of each record: 1 or 3. */
  readonly replicas: 1 | 3;
  /** Remarks an operator should see. */
  readonly notes: readonly string[];
}

/**
 * Which servers keep the records: the first of one or two hosts, the first three of three or four, the first five of
 * more. `join` is the same list on every node, so all come to the same answer without talking.
 * @throws GodwitError CONFIG_INVALID for an entry that is no host, or one that is there twice
 */
export function planTopology(join: readonly string[], own: { address: string; node: string }): Topology {
  checkHosts(join);
  if (join.length === 0) return { role: 'alone', recordHosts: [], replicas: 1, notes: [] };
  const self = join.find((host) => host === own.address || host === own.node);
  const recordHosts = join.slice(0, recordServers(join.length));
  const keepsRecords = self !== undefined && recordHosts.includes(self);
  const role = !keepsRecords ? 'leaf' : recordHosts.length === 1 ? 'alone' : 'member';
  return {
    role,
    ...(self === undefined ? {} : { self }),
    recordHosts,
    replicas: recordHosts.length >= 3 ? 3 : 1,
    notes: notesOf(join, recordHosts, self),
  };
}

function recordServers(hosts: number): number {
  return hosts < 3 ? 1 : hosts < 5 ? 3 : 5;
}

function notesOf(
  join: readonly string[],
  recordHosts: readonly string[],
  self: string | undefined,
): string[] {
  const notes: string[] = [];
  if (join.length === 2) notes.push(`two nodes: the records live on ${recordHosts[0]} only`);
  else if (recordHosts.length === 1 && self === undefined)
    notes.push(`the records live on ${recordHosts[0]} only`);
  if (self === undefined) notes.push('this node is not in the join list: its server keeps no records');
  return notes;
}

function checkHosts(join: readonly string[]): void {
  const refuse = (problem: string) => {
    throw new GodwitError('CONFIG_INVALID', { file: 'bus.join', problem });
  };
  const seen = new Set<string>();
  for (const host of join) {
    if (!/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(host) && !/^[0-9A-Fa-f:]+$/.test(host))
      refuse(`'${host}' is not a host name or address`);
    if (seen.has(host)) refuse(`'${host}' is there twice`);
    seen.add(host);
  }
}
