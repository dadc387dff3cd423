import { LIMITS } from '../../../protocol/mod.ts';
import { fieldsOf, type Proc } from './proc.ts';

/** Namespaces a task can have of its own. */
export const NAMESPACES = ['mnt', 'pid', 'net', 'uts', 'ipc', 'user', 'cgroup', 'time'] as const;
export type Namespace = (typeof NAMESPACES)[number];

/** One process of the container as /proc shows it. */
export interface TaskFacts {
  /** In the node's pid namespace. */
  readonly pid: number;
  readonly name: string;
  /** `R`, `S`, `D`, `T`, `t`, `Z` … */
  readonly state: string;
  /** Context switches so far: unchanged between two looks means that it did not run. */
  readonly switches: number;
  /** Pid of the tracer; 0 is none. */
  readonly tracer: number;
  readonly namespaces: Readonly<Partial<Record<Namespace, string>>>;
  /** It runs as another user or group than the agent, at least in part. */
  readonly otherUser?: true;
  /** In the tree below the container's init: what criu dumps. */
  readonly inTree: boolean;
  /** In the container's cgroup: what freezes and dies with it. */
  readonly inCgroup: boolean;
}

/** All pids to look at: init's tree, and who else is in the cgroup. `complete` is false when the limit was hit. */
export function findTasks(proc: Proc, initPid: number, cgroupDirs: readonly string[]) {
  const tree = new Set<number>([initPid]);
  const inCgroup = new Set<number>();
  const full = () => tree.size + inCgroup.size >= 2 * LIMITS.lookTasks;
  for (const pid of tree) {
    if (full()) break;
    for (const child of childrenOf(proc, pid)) tree.add(child);
  }
  const dirs = [...cgroupDirs];
  for (
    let dir = dirs.pop(), seen = 0;
    dir !== undefined && seen < LIMITS.lookTasks && !full();
    dir = dirs.pop(), seen++
  ) {
    for (const pid of numbers(proc.text(`${dir}/cgroup.procs`))) inCgroup.add(pid);
    dirs.push(...proc.directories(dir).map((name) => `${dir}/${name}`));
  }
  return { tree, inCgroup, complete: !full() };
}

/** One task's facts; undefined when it has ended meanwhile. */
export function readTask(
  proc: Proc,
  pid: number,
  place: Pick<TaskFacts, 'inTree' | 'inCgroup'>,
): TaskFacts | undefined {
  const status = fieldsOf(proc.text(`proc/${pid}/status`));
  const name = status.get('Name');
  if (name === undefined) return undefined;
  const namespaces: Partial<Record<Namespace, string>> = {};
  for (const kind of NAMESPACES) {
    const link = proc.link(`proc/${pid}/ns/${kind}`);
    if (link) namespaces[kind] = link;
  }
  return {
    pid,
    name,
    state: status.get('State')?.charAt(0) ?? '?',
    switches: switchesOf(status),
    tracer: Number(status.get('TracerPid') ?? 0),
    namespaces,
    ...(isRoot(status) ? {} : { otherUser: true }),
    ...place,
  };
}

/** State and context switches again, to tell a task that hangs from one that waits a moment for its disk. */
export function stillStuck(proc: Proc, task: TaskFacts): boolean {
  const status = fieldsOf(proc.text(`proc/${task.pid}/status`));
  return status.get('State')?.charAt(0) === 'D' && switchesOf(status) === task.switches;
}

function switchesOf(status: Map<string, string>): number {
  return (
    Number(status.get('voluntary_ctxt_switches') ?? 0) + Number(status.get('nonvoluntary_ctxt_switches') ?? 0)
  );
}

/** Real, effective and saved ids, as the kernel compares them (check_prlimit_permission); that of file systems it does not. */
function isRoot(status: Map<string, string>): boolean {
  const ids = ['Uid', 'Gid'].flatMap((key) => (status.get(key) ?? '').split(/\s+/).slice(0, 3));
  return ids.every((id) => id === '0' || id === '');
}

function childrenOf(proc: Proc, pid: number): number[] {
  return proc
    .names(`proc/${pid}/task`)
    .flatMap((tid) => numbers(proc.text(`proc/${pid}/task/${tid}/children`)));
}

function numbers(text: string): number[] {
  return text.split(/\s+/).filter(Boolean).map(Number).filter(Number.isSafeInteger);
}
