import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../effects/clock.ts';
import type { Runner, RunningProcess } from '../effects/runner.ts';
import { awaitMembers } from './first-start.ts';
import type { BusLog } from './options.ts';
import {
  clientHost,
  hostPort,
  type ServerConfig,
  serverConfigText,
  serverFiles,
  syncsAlways,
} from './server-config.ts';
import { checkPorts, endServer, findOrphan, probeServer } from './server-process.ts';
import { supervise } from './server-supervisor.ts';
import { NATS_PORTS, type NatsPorts, planTopology } from './topology.ts';

const MEMBERS_MS = 5_000;

export interface EmbeddedServerOptions {
  readonly cluster: string;
  readonly node: string;
  /** How other nodes reach this one; one of `join`, if it is in there. */
  readonly address: string;
  /** All hosts of the cluster, the same list everywhere; empty for one machine alone. */
  readonly join: readonly string[];
  readonly runner: Runner;
  readonly clock: Clock;
  readonly log: BusLog;
  /** Configuration, log, process id and store. */
  readonly dir?: string;
  /** Address for clients: all of them in a cluster, loopback for a machine alone. */
  readonly listen?: string;
  readonly ports?: NatsPorts;
  readonly binary?: string;
  /** How long a first start waits for the other members (see first-start.ts). */
  readonly membersMs?: number;
}

export interface EmbeddedServer {
  /** For this node's own clients. */
  readonly url: string;
  /** Copies of each record: what connectBus is told. */
  readonly replicas: 1 | 3;
  /** Remarks an operator should see. */
  readonly notes: readonly string[];
  stop(): Promise<void>;
}

/**
 * Starts this node's nats-server and keeps it running until `stop`; one that dies comes back after a growing pause.
 * One that a killed agent left behind is taken over.
 * @throws GodwitError HOST_FAILED (no binary, a port is taken, it does not start), CONFIG_INVALID
 */
export async function startEmbeddedServer(options: EmbeddedServerOptions): Promise<EmbeddedServer> {
  const { join: hosts, address, node, log } = options;
  const topology = planTopology(hosts, { address, node });
  const binary = options.binary ?? 'nats-server';
  const version = await probeServer(options.runner, binary);
  const config: ServerConfig = {
    cluster: options.cluster,
    node,
    listen: options.listen ?? (hosts.length === 0 ? '127.0.0.1' : '0.0.0.0'),
    address,
    ports: options.ports ?? NATS_PORTS,
    dir: options.dir ?? '/var/lib/godwit/nats',
    topology,
    version,
  };
  await mkdir(config.dir, { recursive: true, mode: 0o700 });
  const orphan = await adoptable(config, options);
  if (orphan) log.warn({ pid: orphan.pid }, 'took over the nats-server of an agent that was killed');
  else await makeReady(config, options);

  const supervisor = supervise(config, { ...options, binary, orphan });
  try {
    await supervisor.ready;
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
  return {
    url: `nats://${hostPort(clientHost(config.listen), config.ports.client)}`,
    replicas: topology.replicas,
    notes: [...topology.notes, ...durabilityNotes(config)],
    stop: supervisor.stop,
  };
}

/**
 * The server of an agent that was killed, when it is what this agent would start: the cluster's records and the clients of
 * other nodes do not notice that the agent died. One with other settings is ended.
 */
async function adoptable(
  config: ServerConfig,
  { clock, log }: EmbeddedServerOptions,
): Promise<RunningProcess | undefined> {
  const orphan = await findOrphan(config.dir, clock);
  if (!orphan) return undefined;
  const text = await readFile(serverFiles(config.dir).config, 'utf8').catch(() => '');
  if (text === serverConfigText(config)) return orphan;
  log.warn({ pid: orphan.pid }, 'ends the nats-server of an agent that was killed: it has other settings');
  await endServer(orphan, clock);
  return undefined;
}

async function makeReady(config: ServerConfig, options: EmbeddedServerOptions): Promise<void> {
  await checkPorts(portsOf(config));
  await writeFile(serverFiles(config.dir).config, serverConfigText(config), { mode: 0o600 });
  await awaitOthers(config, options);
}

function portsOf({ listen, address, ports, topology }: ServerConfig): [string, number][] {
  const wanted: [string, number][] = [[listen, ports.client]];
  if (topology.role === 'member') wanted.push([address, ports.cluster]);
  if (topology.role !== 'leaf' && topology.recordHosts.length > 0) wanted.push([address, ports.leaf]);
  return wanted;
}

function durabilityNotes({ topology, version }: ServerConfig): string[] {
  if (topology.role === 'leaf' || syncsAlways(version)) return [];
  return [
    `nats-server ${version.join('.')} does not flush each record: a power cut can lose the newest ones`,
  ];
}

/** Only the first start of a cluster has an election that everybody must be there for. */
async function awaitOthers(config: ServerConfig, options: EmbeddedServerOptions): Promise<void> {
  if (config.topology.role !== 'member' || existsSync(join(config.dir, 'jetstream'))) return;
  const missing = await awaitMembers({
    self: config.address,
    hosts: config.topology.recordHosts.map((host) => (host === config.topology.self ? config.address : host)),
    port: config.ports.cluster,
    clock: options.clock,
    deadlineMs: options.membersMs ?? MEMBERS_MS,
  });
  if (missing.length > 0) options.log.warn({ missing }, 'not all record servers are up yet');
}
