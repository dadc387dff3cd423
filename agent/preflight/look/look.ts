import { setImmediate } from 'node:timers/promises';
import { LIMITS } from '../../../protocol/mod.ts';
import type { Clock } from '../../effects/clock.ts';
import type { Runner } from '../../effects/runner.ts';
import { innerPid } from '../../host/inner-pids.ts';
import type { DumpPlan } from '../../runtime/runtime.ts';
import { needsStat, type OpenFile, readFile, withStat } from './files.ts';
import { findMemoryEvents } from './memory-events.ts';
import { type MountFacts, parseMounts } from './mounts.ts';
import type { Proc } from './proc.ts';
import { nameSockets, type SocketFacts, type UnixPair, unixPairs } from './sockets.ts';
import { findTasks, readTask, stillStuck, type TaskFacts } from './tasks.ts';

const STUCK_POLL_MS = 50;

/** What a running container holds, seen from outside through /proc; nothing is stopped for it. */
export interface ContainerLook {
  readonly initPid: number;
  readonly tasks: readonly TaskFacts[];
  readonly files: readonly OpenFile[];
  readonly sockets: readonly SocketFacts[];
  readonly unixPairs: readonly UnixPair[];
  /** Mounts of all its mount namespaces, and the devices mounted on the node itself. */
  readonly mounts: readonly MountFacts[];
  readonly nodeDevices: readonly string[];
  /** io_uring rings that are mapped though no descriptor shows them. */
  readonly mappedRings: readonly number[];
  /** Tasks in state D that did not run for `LIMITS.lookStuckMs`. */
  readonly stuck: readonly number[];
  /** Lock holders outside the container that are alive. */
  readonly outsideLockers: readonly number[];
  /** `memory.events` of the container's groups, by inode, as far as something in it is watched at all. */
  readonly memoryEvents: ReadonlyMap<number, string>;
  /** Tasks of other users whose limits criu cannot read here. */
  readonly hiddenLimits: readonly number[];
  /** Main processes of services that their manager kills when it does not hear of them. */
  readonly watched: readonly number[];
  /** criu arguments of the container: what is external, how large deleted files may be. */
  readonly criuArgs: readonly string[];
  /** What could not be looked at; empty when the look is complete. */
  readonly omitted: readonly string[];
  readonly durationMs: number;
}

/** What the look needs of the agent. */
export interface LookContext {
  readonly proc: Proc;
  readonly runner: Runner;
  readonly clock: Clock;
  /** `uname -m`. */
  readonly machine: string;
  /** Whether criu can read the limits of other users' processes here. */
  readonly readsLimits: () => Promise<boolean>;
}

/**
 * Looks into a running container: bounded in tasks, descriptors and time (LIMITS.look…), and what the limits cut off is
 * named in `omitted`. Never waits for the container; never throws for a process that ends meanwhile.
 */
export async function lookInto(context: LookContext, plan: DumpPlan): Promise<ContainerLook> {
  const { proc, clock } = context;
  const startMs = clock.monotonicMs();
  const omitted = new Set<string>();
  const found = findTasks(proc, plan.initPid, freezeDirs(plan));
  if (!found.complete) omitted.add(`tasks over ${LIMITS.lookTasks}`);
  const pidsFound = new Set([...found.tree, ...found.inCgroup]);
  const endMs = startMs + LIMITS.lookMs + LIMITS.lookTaskMs * pidsFound.size;
  const late = () => clock.monotonicMs() > endMs;

  const tasks: TaskFacts[] = [];
  const files: OpenFile[] = [];
  for (const pid of pidsFound) {
    if (late()) omitted.add(`tasks after ${endMs - startMs} ms`);
    if (omitted.size > 0) break;
    const task = readTask(proc, pid, { inTree: found.tree.has(pid), inCgroup: found.inCgroup.has(pid) });
    if (!task) continue;
    tasks.push(task);
    for (const name of proc.names(`proc/${pid}/fd`)) {
      const file = readFile(proc, pid, Number(name));
      if (file) files.push(file);
      if (files.length >= LIMITS.lookDescriptors) omitted.add(`descriptors over ${LIMITS.lookDescriptors}`);
      if (files.length % 256 === 0) await setImmediate();
      if (omitted.size > 0 || late()) break;
    }
    await setImmediate();
  }
  const mounts = mountsOf(proc, tasks);
  const pids = new Set(tasks.map((task) => task.pid));
  const lockers = new Set(
    files.flatMap((file) => file.lockPids ?? []).filter((pid) => pid > 0 && !pids.has(pid)),
  );
  const slow = await beforeDeadline(context, endMs, (signal) =>
    slowPart(context, plan, tasks, files, signal),
  );
  if (!slow) omitted.add('sockets, deleted files and mappings (too slow)');
  return {
    initPid: plan.initPid,
    tasks,
    files: slow?.files ?? files,
    sockets: slow?.sockets ?? [],
    unixPairs: slow?.pairs ?? [],
    mounts,
    nodeDevices: parseMounts(proc.text('proc/self/mountinfo'), LIMITS.lookMounts).map(
      (mount) => mount.device,
    ),
    mappedRings: slow?.mappedRings ?? [],
    memoryEvents: slow?.memoryEvents ?? new Map(),
    hiddenLimits: slow?.hiddenLimits ?? [],
    watched: slow?.watched ?? [],
    stuck: await findStuck(context, tasks),
    outsideLockers: [...lockers].filter((pid) => proc.text(`proc/${pid}/stat`) !== ''),
    criuArgs: plan.args,
    omitted: [...omitted],
    durationMs: clock.monotonicMs() - startMs,
  };
}

/** The reads that may wait: for a disk (stat), for a process's memory lock (maps), for a child (sockets). */
async function slowPart(
  context: LookContext,
  plan: DumpPlan,
  tasks: readonly TaskFacts[],
  files: readonly OpenFile[],
  signal: AbortSignal,
) {
  const { proc, runner, machine } = context;
  const { initPid } = plan;
  const watching = files.some(({ watched = [] }) => watched.length > 0);
  const [sockets, pairs, withStats, mapped, memoryEvents, hiddenLimits, watched] = await Promise.all([
    nameSockets(runner, files, machine, signal),
    files.some((file) => file.link.startsWith('socket:')) ? unixPairs(runner, initPid, signal) : [],
    Promise.all(files.map((file) => (needsStat(file) ? withStat(proc, file) : file))),
    Promise.all(tasks.map(async ({ pid }) => ((await mapsRing(proc, pid)) ? [pid] : []))),
    watching ? findMemoryEvents(proc, freezeDirs(plan)) : new Map<number, string>(),
    findHiddenLimits(context, tasks),
    Promise.all(tasks.map(async ({ pid }) => ((await isWatched(proc, pid)) ? [pid] : []))),
  ]);
  return {
    sockets,
    pairs,
    files: withStats,
    mappedRings: mapped.flat(),
    memoryEvents,
    hiddenLimits,
    watched: watched.flat(),
  };
}

/** Tasks in state D that do not run for as long as they are watched. */
async function findStuck({ proc, clock }: LookContext, tasks: readonly TaskFacts[]): Promise<number[]> {
  const untilMs = clock.monotonicMs() + LIMITS.lookStuckMs;
  let stuck = tasks.filter((task) => task.state === 'D' && stillStuck(proc, task));
  while (stuck.length > 0 && clock.monotonicMs() < untilMs) {
    await clock.sleep(STUCK_POLL_MS);
    stuck = stuck.filter((task) => stillStuck(proc, task));
  }
  return stuck.map(({ pid }) => pid);
}

async function mapsRing(proc: Proc, pid: number): Promise<boolean> {
  return (await proc.textWaiting(`proc/${pid}/maps`, LIMITS.lookMapsBytes)).includes('anon_inode:[io_uring]');
}

/** systemd tells the process that it starts, and its environment tells it on to others. */
async function isWatched(proc: Proc, pid: number): Promise<boolean> {
  const words = (await proc.textWaiting(`proc/${pid}/environ`, LIMITS.lookEnvironBytes)).split('\0');
  const told = words.includes(`WATCHDOG_PID=${innerPid(proc.text(`proc/${pid}/status`))}`);
  return told && words.some((word) => word.startsWith('WATCHDOG_USEC='));
}

/** Without a user namespace of its own in between, only CAP_SYS_RESOURCE opens the limits of another user's process. */
async function findHiddenLimits(
  { proc, readsLimits }: LookContext,
  tasks: readonly TaskFacts[],
): Promise<number[]> {
  const own = proc.link('proc/self/ns/user');
  const others = tasks.filter(({ otherUser, namespaces, inTree }) => {
    return otherUser === true && inTree && namespaces.user === own;
  });
  return others.length === 0 || (await readsLimits()) ? [] : others.map(({ pid }) => pid);
}

async function beforeDeadline<Value>(
  { clock }: LookContext,
  endMs: number,
  work: (signal: AbortSignal) => Promise<Value>,
): Promise<Value | undefined> {
  const aborter = new AbortController();
  let cancel = () => {};
  const deadline = new Promise<undefined>((resolve) => {
    cancel = clock.after(Math.max(1, endMs - clock.monotonicMs()), () => resolve(undefined));
  });
  try {
    return await Promise.race([work(aborter.signal), deadline]);
  } finally {
    cancel();
    aborter.abort();
  }
}

/** One read of mountinfo for each mount namespace of the container. */
function mountsOf(proc: Proc, tasks: readonly TaskFacts[]): MountFacts[] {
  const byNamespace = new Map<string, number>();
  for (const { pid, namespaces } of tasks)
    if (!byNamespace.has(namespaces.mnt ?? '')) byNamespace.set(namespaces.mnt ?? '', pid);
  return [...byNamespace.values()].flatMap((pid) =>
    parseMounts(proc.text(`proc/${pid}/mountinfo`), LIMITS.lookMounts),
  );
}

/** The directory of the hierarchy that freezes, which is the one that counts. */
function freezeDirs(plan: DumpPlan): string[] {
  const dir = plan.cgroup.dirs[plan.cgroup.version === 'v2' ? 'unified' : 'freezer'];
  return dir === undefined ? [] : [dir];
}
