import { access, constants, lstat } from 'node:fs/promises';
import { machine } from 'node:os';
import { copiedDirs, volumesWith } from '../../protocol/domain/mod.ts';
import type { Capabilities, DomainSpec, Mode } from '../../protocol/mod.ts';
import type { Clock } from '../effects/clock.ts';
import type { Runner } from '../effects/runner.ts';
import { hearsServices } from '../preparation/prepare.ts';
import { canKeep, lookOver, outlinesOf, rootfsBytes } from '../rootfs/mod.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { visibleCpuFlags } from './cpu.ts';
import { probeDataPort } from './data-port.ts';
import type { CopiedFacts, JobLoad, PipeFacts, SourceFacts } from './facts.ts';
import { taskName } from './judge/finding.ts';
import { type ContainerLook, lookInto } from './look/look.ts';
import { fieldsOf, type Proc, procAt } from './look/proc.ts';
import { inodesOf, mountsIn, rootfsIdentity } from './rootfs.ts';
import { usersOf } from './users.ts';
import { compareVersions } from './versions.ts';

/** What collecting at the source needs. */
export interface SourceContext {
  readonly node: string;
  readonly mode: Mode;
  readonly spec: DomainSpec;
  readonly capabilities: Capabilities;
  /** Outgoing moves of this node. */
  readonly jobs?: JobLoad;
  readonly runtime: Pick<Runtime, 'status' | 'dumpPlan'>;
  readonly runner: Runner;
  /** Where godwit's own state is; present for a move, which copies what policies say. */
  readonly stateDir?: string;
  /** Present for a move: where lists of what stays at both nodes are written. */
  readonly runDir?: string;
  /** What else this node owns. */
  readonly neighbours?: readonly DomainSpec[];
  readonly clock: Clock;
  /** The target's announced data port, when a target is known. */
  readonly peer?: { readonly host: string; readonly port: number };
  /** See {@link SourceFacts.targetAheadMs}. */
  readonly targetAheadMs?: number;
  /** Where /proc and /sys are looked for: `/` (the default) except in tests. */
  readonly root?: string;
  /** Tries out whether criu can dump processes of other users; asked only where that is in doubt. */
  readonly dumpsOtherUsers: () => Promise<boolean>;
}

const CAP_SYS_RESOURCE = 24n;
const PIPE_MAX = 'proc/sys/fs/pipe-max-size';

/**
 * Facts for {@link sourceRefusals}; changes nothing and stops nothing. `cpuFlags`, `rootfs` and others of the result
 * belong into PrepareRequest.
 * @throws GodwitError RUNTIME_FAILED when the runtime cannot be asked, HOST_FAILED when the root cannot be read
 */
export async function collectSourceFacts(context: SourceContext): Promise<SourceFacts> {
  const { node, mode, capabilities, jobs, spec, runtime, clock, runner, peer, stateDir, runDir } = context;
  const { lower = [] } = spec.policy;
  const proc = procAt(context.root ?? '/');
  const free = hasSysResource(proc);
  const readsLimits = async () => free || context.dumpsOtherUsers();
  const [status, rootfs, problem] = await Promise.all([
    runtime.status(spec.name),
    rootfsIdentity(spec.root.source, spec.os.init),
    peer ? probeDataPort(clock, peer) : undefined,
  ]);
  const plan = status.state === 'running' ? await runtime.dumpPlan(spec) : undefined;
  const look = plan && (await lookInto({ proc, runner, clock, machine: machine(), readsLimits }, plan));
  const address = peer ? `${peer.host}:${peer.port}` : undefined;
  return {
    node,
    mode,
    capabilities,
    jobs,
    state: status.state,
    ...(look ? { look } : {}),
    unheard: look ? await unheardIn(look, context) : [],
    pipe: await pipeFacts(proc, free),
    ...(address === undefined
      ? {}
      : { dataPort: { address, ...(problem === undefined ? {} : { problem }) } }),
    ...(context.targetAheadMs === undefined ? {} : { targetAheadMs: context.targetAheadMs }),
    cpuFlags: visibleCpuFlags(proc.text('proc/cpuinfo')),
    ...(rootfs ? { rootfs } : {}),
    copied: stateDir === undefined ? [] : await copiedFacts(context, stateDir),
    staying: stateDir === undefined ? [] : volumesWith(spec, 'refuse'),
    sharedInodes: await inodesOf(volumesWith(spec, 'shared')),
    lower: runDir === undefined ? {} : outlinesOf(await lookOver({ runner, clock, runDir }, lower)),
    limitFiles: plan?.limitFiles ?? [],
  };
}

/** From Linux 6.9 on every process has a pidfd number of its own, by which systemd (255 and newer) knows it. */
async function unheardIn(
  look: ContainerLook,
  { spec, capabilities }: Pick<SourceContext, 'spec' | 'capabilities'>,
): Promise<string[]> {
  const { watched } = look;
  if (watched.length === 0 || compareVersions(capabilities.kernel, '6.9', 2) < 0) return [];
  return (await hearsServices(spec)) ? [] : watched.map((pid) => taskName(look, pid));
}

/** One after the other: they share a disk. */
async function copiedFacts(
  { spec, runner, neighbours = [], root: top = '/' }: SourceContext,
  stateDir: string,
): Promise<CopiedFacts[]> {
  const mountInfo = procAt(top).text('proc/self/mountinfo');
  const found: CopiedFacts[] = [];
  for (const { root } of copiedDirs(spec)) {
    const bytes = await rootfsBytes(runner, root);
    found.push({
      root,
      directory: await isDirectory(root),
      users: usersOf(root, spec, neighbours),
      ...(bytes === undefined ? {} : { bytes }),
      mounts: mountsIn(mountInfo, root),
      keptTaken: !(await canKeep(stateDir, { uuid: spec.uuid, root })),
    });
  }
  return found;
}

/** Not a link to one either, which none of the tools would follow. */
function isDirectory(path: string): Promise<boolean> {
  return lstat(path).then(
    (found) => found.isDirectory(),
    () => true,
  );
}

async function pipeFacts(proc: Proc, free: boolean): Promise<PipeFacts> {
  const writable = await access(proc.path(PIPE_MAX), constants.W_OK).then(
    () => true,
    () => false,
  );
  return { maxBytes: Number(proc.text(PIPE_MAX)), raisable: writable || free };
}

function hasSysResource(proc: Proc): boolean {
  const capabilities = BigInt(`0x${fieldsOf(proc.text('proc/self/status')).get('CapEff') || '0'}`);
  return ((capabilities >> CAP_SYS_RESOURCE) & 1n) === 1n;
}
