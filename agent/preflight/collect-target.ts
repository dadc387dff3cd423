import { stat, statfs } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { dirname } from 'node:path';
import { copiedDirs, hostPaths, volumesWith } from '../../protocol/domain/mod.ts';
import type { Capabilities, DomainSpec } from '../../protocol/mod.ts';
import type { Clock } from '../effects/clock.ts';
import type { Runner } from '../effects/runner.ts';
import { basisBytes, lookOver, roomAt } from '../rootfs/mod.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { visibleCpuFlags } from './cpu.ts';
import type { AddressClaim, JobLoad, PlaceFacts, TargetFacts, TargetRequest } from './facts.ts';
import { type Proc, procAt } from './look/proc.ts';
import { neighbourClaims } from './neighbours.ts';
import { inodesOf, rootfsIdentity } from './rootfs.ts';
import { usersOf } from './users.ts';

/** What collecting at the target needs. */
export interface TargetContext {
  readonly node: string;
  readonly state: TargetFacts['state'];
  readonly capabilities: Capabilities;
  /** Incoming moves of this node. */
  readonly jobs: JobLoad;
  readonly memoryAvailableBytes: number;
  readonly runDir: string;
  /** Where godwit's own state is; present when directories come along. */
  readonly stateDir?: string;
  /** Present when what comes is not built on what lies there: true where that is the container's own, and goes. */
  readonly replaces?: boolean;
  /** What this node owns. */
  readonly neighbours?: readonly DomainSpec[];
  readonly runtime: Pick<Runtime, 'list' | 'lacks' | 'bridges'>;
  /** True when godwit defined the container of this name that the runtime knows here. */
  readonly ours: (name: string) => boolean | Promise<boolean>;
  /** Addresses of the other containers this node owns. */
  readonly containers: readonly {
    readonly name: string;
    readonly addresses: readonly string[];
    readonly macs: readonly string[];
  }[];
  /** True where somebody else asks the neighbours, which takes as long as nobody answers. */
  readonly neighboursLater?: boolean;
  readonly runner: Runner;
  readonly clock: Clock;
  readonly root?: string;
}

const TMPFS_MAGIC = 0x01021994;

/**
 * Facts for {@link targetRefusals}; reserves and changes nothing.
 * @throws GodwitError RUNTIME_FAILED when the runtime cannot be asked
 */
export async function collectTargetFacts(
  request: TargetRequest,
  context: TargetContext,
): Promise<TargetFacts> {
  const { spec } = request;
  const nowMs = context.clock.nowMs();
  const proc = procAt(context.root ?? '/');
  const addresses = spec.interfaces.flatMap((nic) => nic.addresses.map((one) => one.address));
  const arriving = new Set(context.stateDir === undefined ? [] : copiedDirs(spec).map(({ root }) => root));
  const [known, lacks, rootfs, runDir, neighbours, lower, missing] = await Promise.all([
    context.runtime.list(),
    context.runtime.lacks(spec, request.limitFiles),
    rootfsIdentity(spec.root.source, spec.os.init),
    roomOf(context.runDir),
    context.neighboursLater ? [] : neighbourClaims(context.runner, addresses),
    lookOver(
      context,
      (spec.policy.lower ?? []).filter((path) => request.lower[path]),
    ),
    Promise.all(
      hostPaths(spec).map(async (path) => (arriving.has(path) || (await isThere(path)) ? [] : [path])),
    ),
  ]);
  const same = known.find((container) => container.name === spec.name);
  const foreign = same !== undefined && (same.state !== 'stopped' || !(await context.ours(spec.name)));
  const isBridge = (name: string) => proc.names(`sys/class/net/${name}/bridge`).length > 0;
  return {
    node: context.node,
    state: context.state,
    capabilities: context.capabilities,
    jobs: context.jobs,
    cpuFlags: visibleCpuFlags(proc.text('proc/cpuinfo')),
    missingBridges: context.runtime.bridges(spec).filter((bridge) => !isBridge(bridge)),
    lacks,
    missingSources: missing.flat(),
    ...(rootfs ? { rootfs } : {}),
    places: context.stateDir === undefined ? [] : await placesOf(spec, context, context.stateDir),
    lower,
    sharedInodes: await inodesOf(volumesWith(spec, 'shared')),
    memoryAvailableBytes: context.memoryAvailableBytes,
    runDir,
    ...(same ? { sameName: { state: same.state, foreign } } : {}),
    claims: [...ownClaims(proc), ...containerClaims(context, spec.name), ...neighbours],
    nowMs,
  };
}

function containerClaims(context: TargetContext, except: string): AddressClaim[] {
  return context.containers
    .filter((container) => container.name !== except)
    .map(({ name, addresses, macs }) => ({ holder: `container ${name}`, local: true, addresses, macs }));
}

/** The node's own interfaces. */
function ownClaims(proc: Proc): AddressClaim[] {
  const addresses = networkInterfaces();
  return proc.names('sys/class/net').map((name) => ({
    holder: `interface ${name}`,
    local: true,
    addresses: (addresses[name] ?? []).map((one) => one.address),
    macs: [proc.text(`sys/class/net/${name}/address`).trim()],
  }));
}

/** A mark of an earlier departure does not make a place ours that another container has taken since. */
async function placesOf(
  spec: DomainSpec,
  { runner, neighbours = [], replaces }: TargetContext,
  stateDir: string,
): Promise<PlaceFacts[]> {
  const found: PlaceFacts[] = [];
  for (const { root } of copiedDirs(spec)) {
    const used = usersOf(root, spec, neighbours).length > 0;
    const own = replaces ? 'basis' : await roomAt(stateDir, { uuid: spec.uuid, root });
    const room = used ? 'taken' : own;
    const { disk, availableBytes } = await roomOf(dirname(root));
    found.push({
      root,
      room,
      disk,
      availableBytes,
      basisBytes: room === 'basis' && replaces === undefined ? await basisBytes(runner, root) : 0,
    });
  }
  return found;
}

/** Room of the file system the run directory is, or will be, on. */
async function roomOf(path: string): Promise<TargetFacts['runDir'] & { readonly disk: string }> {
  for (let there = path; ; there = dirname(there)) {
    const status = await statfs(there).catch(() => undefined);
    const disk = status && (await stat(there).catch(() => undefined));
    if (disk) {
      const [tmpfs, availableBytes] = [status.type === TMPFS_MAGIC, status.bavail * status.bsize];
      return { path, disk: String(disk.dev), tmpfs, availableBytes };
    }
    if (there === dirname(there)) return { path, disk: '', tmpfs: false, availableBytes: 0 };
  }
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
