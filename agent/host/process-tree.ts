import { readdir, readFile } from 'node:fs/promises';
import type { Clock } from '../effects/clock.ts';
import type { Command, Runner, RunResult } from '../effects/runner.ts';
import { hasCode } from './failure.ts';
import { birthOf } from './process-birth.ts';

/** How a tree that was watched by {@link runTree} ended. */
export interface TreeResult {
  readonly result: RunResult;
  readonly ended: 'itself' | 'timeout' | 'aborted';
}

/** The runner's own deadline, which sees the first process only, comes after ours. */
const RUNNER_GRACE_MS = 10_000;

/**
 * Runs a command whose children have to end with it: at its deadline or when its signal aborts, the process and all its
 * descendants are killed, also those that left its session (LXC's monitor, criu, half-built tasks, attached commands), and
 * what is in its session, also when the process itself is gone and what it left behind holds its outputs.
 * What it leaves behind when it ends by itself, outputs and all, is left alone.
 */
export async function runTree(
  runner: Runner,
  clock: Clock,
  command: Command & { readonly started?: (pid: number) => void },
): Promise<TreeResult> {
  const { signal, deadlineMs, started, ...rest } = command;
  let ended: TreeResult['ended'] = 'itself';
  let killed: Promise<void> | undefined;
  const child = runner.start({ ...rest, deadlineMs: deadlineMs + RUNNER_GRACE_MS, detached: true });
  const birth = birthOf(child.pid);
  if (child.pid > 0) started?.(child.pid);
  const end = (how: 'timeout' | 'aborted') => {
    if (killed !== undefined) return;
    ended = how;
    killed = child.pid > 0 ? killAll(child.pid, birth) : Promise.resolve();
  };
  const abort = () => end('aborted');
  const cancel = clock.after(deadlineMs, () => end('timeout'));
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted) abort();
  try {
    const result = await child.ended;
    await killed;
    return { result, ended };
  } finally {
    cancel();
    signal?.removeEventListener('abort', abort);
  }
}

/** A leader's pid is nobody else's as long as something is in its session: it is another's only where nothing is left to kill. */
async function killAll(leader: number, birth: Promise<string | undefined>): Promise<void> {
  const now = await birthOf(leader);
  const itself = now !== undefined && now === (await birth);
  if (now !== undefined && !itself) return;
  if (itself) await killTree(leader);
  const killed = new Set<number>();
  for (let fresh = await sessionOf(leader); fresh.length > 0; ) {
    for (const one of fresh) {
      killed.add(one);
      sendSignal(one, 'SIGKILL');
    }
    fresh = (await sessionOf(leader)).filter((one) => !killed.has(one));
  }
}

/** Who is in a session, by field 6 of proc_pid_stat(5); the name in field 2 may have brackets and spaces in it. */
async function sessionOf(leader: number): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')));
  const isIn = (stat = '') => stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3] === String(leader);
  return pids.filter((_, at) => isIn(stats[at])).map(Number);
}

/** The descendants of a process, parents before their children. */
export async function descendantsOf(pid: number): Promise<number[]> {
  const found: number[] = [];
  for (
    let fresh = await childrenOf(pid);
    fresh.length > 0;
    fresh = (await Promise.all(fresh.map(childrenOf))).flat()
  )
    found.push(...fresh);
  return found;
}

/** Kills a process and all its descendants. Each is stopped first, so that none forks away while the others are found. */
export async function killTree(pid: number): Promise<void> {
  const found = new Set<number>();
  for (let fresh = [pid]; fresh.length > 0; ) {
    for (const one of fresh) {
      found.add(one);
      sendSignal(one, 'SIGSTOP');
    }
    const children = (await Promise.all([...found].map(childrenOf))).flat();
    fresh = children.filter((child) => !found.has(child));
  }
  for (const one of found) sendSignal(one, 'SIGKILL');
}

async function childrenOf(pid: number): Promise<number[]> {
  try {
    const tasks = await readdir(`/proc/${pid}/task`);
    const lists = await Promise.all(
      tasks.map((task) => readFile(`/proc/${pid}/task/${task}/children`, 'utf8')),
    );
    return lists.join(' ').split(' ').filter(Boolean).map(Number);
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return [];
    throw error;
  }
}

/** Does nothing for a process that is gone. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error;
  }
}
