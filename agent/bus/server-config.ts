import { join } from 'node:path';
import { LIMITS } from '../../protocol/mod.ts';
import type { NatsPorts, Topology } from './topology.ts';

/** `[major, minor]` of nats-server. */
export type ServerVersion = readonly [number, number];

export interface ServerConfig {
  readonly cluster: string;
  readonly node: string;
  /** Where clients are served. */
  readonly listen: string;
  /** How other nodes reach this one. */
  readonly address: string;
  readonly ports: NatsPorts;
  readonly dir: string;
  readonly topology: Topology;
  readonly version: ServerVersion;
}

/** The files of an embedded server, all in one directory. */
export function serverFiles(dir: string) {
  return { config: join(dir, 'server.conf'), log: join(dir, 'server.log'), pid: join(dir, 'server.pid') };
}

/** True when the server flushes each record to the disk before it says so; older ones flush every two minutes. */
export function syncsAlways(version: ServerVersion): boolean {
  return version[0] > 2 || (version[0] === 2 && version[1] >= 10);
}

/** Without this a server without JetStream hides its clients from the JetStream of those it is a leaf of. */
const LEAVES_USE_RECORDS = 'default_js_domain: { "$G": "" }';

/** The configuration of this node's nats-server. */
export function serverConfigText(config: ServerConfig): string {
  const { topology, ports } = config;
  const files = serverFiles(config.dir);
  const lines = [
    '# Written by godwit-agent at each start: changes made here are lost.',
    `server_name: ${quote(config.node)}`,
    `listen: ${quote(hostPort(config.listen, ports.client))}`,
    `client_advertise: ${quote(hostPort(config.address, ports.client))}`,
    `pid_file: ${quote(files.pid)}`,
    `log_file: ${quote(files.log)}`,
    'logfile_size_limit: 8MB',
    ...(syncsAlways(config.version) ? ['logfile_max_num: 2'] : []),
    `max_payload: ${LIMITS.messageBytes}`,
    'ping_interval: "5s"',
    'ping_max: 2',
  ];
  if (topology.role !== 'leaf') lines.push(...jetstream(config));
  if (topology.role === 'member') lines.push(...routes(config));
  if (topology.recordHosts.length > 0) lines.push(...leafNodes(config), LEAVES_USE_RECORDS);
  return `${lines.join('\n')}\n`;
}

/** Addresses of version 6 need brackets before a port. */
export function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Where a client on the same machine finds a server that listens on `listen`. */
export function clientHost(listen: string): string {
  return listen === '0.0.0.0' ? '127.0.0.1' : listen === '::' ? '::1' : listen;
}

function jetstream(config: ServerConfig): string[] {
  const sync = syncsAlways(config.version) ? ['  sync_interval: always'] : [];
  return [
    'jetstream {',
    `  store_dir: ${quote(config.dir)}`,
    '  max_mem: 64MB',
    '  max_file: 1GB',
    ...sync,
    '}',
  ];
}

/** Every member names all members, itself included: the first election counts the list to know its majority. */
function routes({ cluster, address, ports, topology }: ServerConfig): string[] {
  return [
    'cluster {',
    `  name: ${quote(`godwit-${cluster}`)}`,
    `  listen: ${quote(hostPort(address, ports.cluster))}`,
    '  routes: [',
    ...topology.recordHosts.map((host) => `    ${quote(`nats-route://${hostPort(host, ports.cluster)}`)}`),
    '  ]',
    '}',
  ];
}

function leafNodes({ address, ports, topology }: ServerConfig): string[] {
  if (topology.role !== 'leaf')
    return ['leafnodes {', `  listen: ${quote(hostPort(address, ports.leaf))}`, '}'];
  const urls = topology.recordHosts.map((host) => quote(`nats-leaf://${hostPort(host, ports.leaf)}`));
  return ['leafnodes {', `  remotes: [ { urls: [ ${urls.join(', ')} ] } ]`, '}'];
}

/** Names and paths come from a checked configuration; what could end a quoted string is refused there. */
function quote(text: string): string {
  return JSON.stringify(text);
}
