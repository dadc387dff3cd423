import { readFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { parse } from 'smol-toml';
import { z } from 'zod';
import { COMPRESSIONS, type Compression, GodwitError, isToken, LIMITS } from '../../protocol/mod.ts';
import { type WebhookConfig, WebhookFile, webhookConfig } from './webhooks.ts';

const token = z.string().refine(isToken, 'must match [A-Za-z0-9_-]+, 63 characters at most');
const label = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, 'must match [A-Za-z0-9][A-Za-z0-9_.-]*');
const port = z.number().int().min(1).max(65_535);
const movesAtOnce = z.number().int().min(1).max(64);
/** With less, streams that wait for their turn would count as silent. */
const bandwidth = z.number().min(250_000);
const path = z.string().startsWith('/', 'must be an absolute path');

const ConfigFile = z.strictObject({
  /** Id of this node. Default: the host name up to its first dot. */
  node: token.optional(),
  cluster: token.default('default'),
  /** Where other nodes reach this one. Default: the first IPv4 address that is not loopback. */
  address: z.string().min(1).optional(),
  state_dir: path.default('/var/lib/godwit'),
  /** On tmpfs: CRIU keeps its kernel probes there. */
  run_dir: path.default('/run/godwit'),
  log_level: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
  bus: z
    .strictObject({
      embedded: z.boolean().default(true),
      /** The same list of hosts on every node; the first one, three or five keep the records. */
      join: z.array(z.string().min(1)).max(64).default([]),
      client_port: port.default(4222),
      cluster_port: port.default(6222),
      leaf_port: port.default(7422),
      url: z.string().optional(),
      creds: path.optional(),
    })
    .prefault({}),
  data: z
    .strictObject({
      port: port.default(7433),
      /** Whether what moves is encrypted on its way; a node that does takes nothing else. */
      encrypt: z.boolean().default(false),
      /** Whether TCP frames that come for a container while it stands still are kept and handed on. */
      keep_frames: z.boolean().default(true),
      /** What all moves together may send, and receive; shared fairly among them. Default: whatever the link carries. */
      send_bytes_per_second: bandwidth.optional(),
      receive_bytes_per_second: bandwidth.optional(),
    })
    .prefault({}),
  lxc: z.strictObject({ path: path.default('/var/lib/lxc') }).prefault({}),
  /** Bridges of this node by the network's name that `<source network='NAME'/>` gives. */
  networks: z.record(z.string(), z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$/)).default({}),
  health: z
    .strictObject({
      /** Whether a critical state that a monitor reports evacuates this node. */
      evacuate: z.boolean().default(false),
    })
    .prefault({}),
  /** What constraints of containers ask for, such as zone = "a". */
  labels: z.record(label, z.string().max(LIMITS.labelChars)).default({}),
  /** What the kernel does not know of this node: how much its disks and its network can do. */
  load: z
    .strictObject({
      io_bytes_per_second: z.number().positive().default(200_000_000),
      network_bytes_per_second: z.number().positive().default(117_000_000),
    })
    .prefault({}),
  balance: z
    .strictObject({
      /** Whether this node gives containers away by itself when it is much fuller than others. */
      automatic: z.boolean().default(false),
      /** It is when its load is above the mean of others by this; 1 is a whole node. */
      threshold: z.number().positive().max(1).default(0.15),
      /** What its moves have to take off the fullest node together. */
      min_gain: z.number().positive().max(1).default(0.05),
      /** Between two looks, half as much more or less by chance. */
      period_seconds: z.number().min(1).max(86_400).default(30),
      /** A container that has just come stays for so long. */
      stay_seconds: z.number().min(0).max(86_400).default(600),
      /** So many others it compares itself to. */
      sample: z.number().int().min(1).max(64).default(8),
    })
    .prefault({}),
  checkpoints: z
    .strictObject({
      /** The store, best on a file system that all nodes share. Without it this node keeps no checkpoints. */
      dir: path.optional(),
      /** `auto`: zstd where the program is there, else zlib. */
      compression: z.enum(['auto', ...COMPRESSIONS]).default('auto'),
      /** So many may build on each other where the kernel tracks dirty memory; with 1 each is whole. */
      chain: z.number().int().min(1).max(LIMITS.checkpointChain).default(1),
      /** So many of what restores have replaced (`<directory>.replaced-<job>`) stay beside each directory, at least the newest; all of it without. */
      replaced: z.number().int().min(1).max(LIMITS.checkpointsKept).optional(),
    })
    .prefault({}),
  webhooks: z
    .array(WebhookFile)
    .max(LIMITS.webhooks)
    .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, 'two have the same name')
    .default([]),
  limits: z
    .strictObject({
      /** Moves that may leave, and that may arrive, at the same time; more wait for their turn. */
      moves: movesAtOnce.default(4),
      /** The same for each direction, where they differ. */
      moves_out: movesAtOnce.optional(),
      moves_in: movesAtOnce.optional(),
    })
    .prefault({}),
});

/** The agent's settings, complete: /etc/godwit/agent.toml with every default filled in. */
export interface AgentConfig {
  readonly node: string;
  readonly cluster: string;
  readonly address: string;
  readonly stateDir: string;
  readonly runDir: string;
  readonly logLevel: 'trace' | 'debug' | 'info' | 'warn' | 'error';
  readonly bus: {
    readonly embedded: boolean;
    readonly join: readonly string[];
    readonly clientPort: number;
    readonly clusterPort: number;
    readonly leafPort: number;
    readonly url?: string;
    readonly creds?: string;
  };
  readonly dataPort: number;
  readonly dataEncrypt: boolean;
  readonly keepFrames: boolean;
  /** None: no limit. */
  readonly sendBytesPerSecond?: number | undefined;
  readonly receiveBytesPerSecond?: number | undefined;
  readonly lxcPath: string;
  readonly networks: Readonly<Record<string, string>>;
  readonly movesOutMax: number;
  readonly movesInMax: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly evacuateWhenFailing: boolean;
  readonly balance: {
    readonly automatic: boolean;
    readonly threshold: number;
    readonly minGain: number;
    readonly periodMs: number;
    readonly stayMs: number;
    readonly sample: number;
  };
  readonly ioBytesPerSecond: number;
  readonly networkBytesPerSecond: number;
  readonly webhooks: readonly WebhookConfig[];
  readonly checkpoints: {
    readonly dir?: string;
    readonly compression: 'auto' | Compression;
    readonly chain: number;
    /** None: all stay. */
    readonly replaced?: number | undefined;
  };
}

/** Reads a configuration file; a missing default file means all defaults. @throws GodwitError CONFIG_INVALID */
export function loadConfig(file: string, options: { readonly mustExist: boolean }): AgentConfig {
  return parseConfig(readText(file, options.mustExist), file);
}

/** The configuration a TOML text stands for. @throws GodwitError CONFIG_INVALID naming each wrong key */
export function parseConfig(text: string, file: string): AgentConfig {
  const raw = ConfigFile.safeParse(parseToml(text, file));
  if (!raw.success) throw invalid(file, raw.error.issues.map(describe).join('; '));
  const { bus, data, lxc, limits, load, health, balance, checkpoints, webhooks, ...top } = raw.data;
  const node = top.node ?? hostname().split('.')[0] ?? '';
  if (!isToken(node)) throw invalid(file, `node: the host name '${node}' cannot be a node id, set one`);
  return {
    node,
    cluster: top.cluster,
    address: top.address ?? firstAddress(file),
    stateDir: top.state_dir,
    runDir: top.run_dir,
    logLevel: top.log_level,
    bus: {
      embedded: bus.embedded && bus.url === undefined,
      join: bus.join,
      clientPort: bus.client_port,
      clusterPort: bus.cluster_port,
      leafPort: bus.leaf_port,
      ...(bus.url === undefined ? {} : { url: bus.url }),
      ...(bus.creds === undefined ? {} : { creds: bus.creds }),
    },
    dataPort: data.port,
    dataEncrypt: data.encrypt,
    keepFrames: data.keep_frames,
    sendBytesPerSecond: data.send_bytes_per_second,
    receiveBytesPerSecond: data.receive_bytes_per_second,
    lxcPath: lxc.path,
    networks: top.networks,
    movesOutMax: limits.moves_out ?? limits.moves,
    movesInMax: limits.moves_in ?? limits.moves,
    labels: top.labels,
    evacuateWhenFailing: health.evacuate,
    balance: {
      automatic: balance.automatic,
      threshold: balance.threshold,
      minGain: balance.min_gain,
      periodMs: balance.period_seconds * 1000,
      stayMs: balance.stay_seconds * 1000,
      sample: balance.sample,
    },
    ioBytesPerSecond: load.io_bytes_per_second,
    networkBytesPerSecond: load.network_bytes_per_second,
    webhooks: webhooks.map(webhookConfig),
    checkpoints: {
      compression: checkpoints.compression,
      chain: checkpoints.chain,
      replaced: checkpoints.replaced,
      ...(checkpoints.dir === undefined ? {} : { dir: checkpoints.dir }),
    },
  };
}

function readText(file: string, mustExist: boolean): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (!mustExist && (error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw invalid(file, (error as Error).message);
  }
}

function parseToml(text: string, file: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    throw invalid(file, (error as Error).message.split('\n')[0] ?? 'not TOML');
  }
}

function describe(issue: z.core.$ZodIssue): string {
  return issue.path.length > 0 ? `${issue.path.join('.')}: ${issue.message}` : issue.message;
}

function firstAddress(file: string): string {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const found = addresses.find((entry) => entry.family === 'IPv4' && !entry.internal);
  if (!found) throw invalid(file, 'address: this machine has no IPv4 address of its own, set one');
  return found.address;
}

function invalid(file: string, problem: string): GodwitError {
  return new GodwitError('CONFIG_INVALID', { file, problem });
}
