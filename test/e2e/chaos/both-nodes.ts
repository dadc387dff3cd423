import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';

const LOOK_MS = 25;
/** Two runs that alternate within this time are two copies: no move back and forth is that quick. */
const WINDOW_MS = 300;
/** Voluntary switches between two looks that make a task one that runs. */
const RUNS = 2;
/** In so many looks of the window each copy has to have run: one that is killed while it is held makes some switches too. */
const LOOKS = 3;

/** Watches a container in several nodes at once, from outside of all of them. */
export interface Watch {
  /** Times at which tasks of it ran in two nodes by turns. */
  readonly violations: readonly string[];
  stop(): void;
}

interface Seen {
  readonly pid: number;
  readonly switches: number;
}

/**
 * A task that criu holds or the freezer stops makes no voluntary context switch, one that runs its program makes some at every
 * tick: whether a copy runs is read from that, not from its state (a built and held task looks asleep).
 */
export function watchNodes(instance: string, nodes: readonly string[], container: string): Watch {
  const violations: string[] = [];
  const last = new Map<string, readonly Seen[]>();
  let ran: { node: string; atMs: number; switches: number }[] = [];
  const look = () => {
    const atMs = performance.now();
    ran = ran.filter((one) => atMs - one.atMs < WINDOW_MS);
    for (const node of nodes) {
      const before = last.get(node) ?? [];
      const now = tasksOf(instance, node, container);
      last.set(node, now);
      const progress = now.map(
        ({ pid, switches }) => switches - (before.find((one) => one.pid === pid)?.switches ?? switches),
      );
      const switches = Math.max(0, ...progress);
      if (switches >= RUNS) ran.push({ node, atMs, switches });
    }
    const turns = ran.filter((one, index) => index > 0 && one.node !== ran[index - 1]?.node).length;
    const looks = nodes.map((node) => ran.filter((one) => one.node === node).length);
    if (turns < 2 || looks.filter((count) => count >= LOOKS).length < 2) return;
    const turnsOf = ran.map((one) => `${one.node} ${one.switches} at ${Math.round(one.atMs - atMs)} ms`);
    violations.push(`${new Date().toISOString()}: ${turnsOf.join(', ')}`);
    ran = [];
  };
  const timer = setInterval(look, LOOK_MS);
  return { violations, stop: () => clearInterval(timer) };
}

/** The container's tasks in a node that run its programs, not (yet) criu's. */
function tasksOf(instance: string, node: string, container: string): Seen[] {
  const dir = [`/sys/fs/cgroup/freezer`, '/sys/fs/cgroup']
    .map((root) => `${root}/lab-${instance}.${node}/lxc.payload.${container}`)
    .find((path) => existsSync(path));
  if (dir === undefined) return [];
  const pids = read(`${dir}/cgroup.procs`).split('\n').filter(Boolean).map(Number);
  return pids.flatMap((pid) => {
    const [, switches] = /^voluntary_ctxt_switches:\s*(\d+)$/m.exec(read(`/proc/${pid}/status`)) ?? [];
    return switches === undefined || programOf(pid) === 'criu' ? [] : [{ pid, switches: Number(switches) }];
  });
}

function programOf(pid: number): string {
  try {
    return basename(readlinkSync(`/proc/${pid}/exe`));
  } catch {
    return '';
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
