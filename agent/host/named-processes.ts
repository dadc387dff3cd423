import { readdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Clock } from '../effects/clock.ts';
import { hasCode } from './failure.ts';
import { killTree } from './process-tree.ts';

const POLL_MS = 20;

/** A process by its command line. */
export interface NamedProcess {
  readonly pid: number;
  readonly argv: readonly string[];
}

/** What works in the directory of a job: criu, what runs it, its hooks, the pager, and what packs and copies files. */
const WORKERS: ReadonlySet<string> = new Set([
  'criu',
  'lxc-checkpoint',
  'hook',
  'node',
  'rsync',
  'tar',
  'zstd',
]);

/** Every process but this one whose command line passes `wanted`. */
export async function findProcesses(wanted: (argv: readonly string[]) => boolean): Promise<NamedProcess[]> {
  const found: NamedProcess[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    const text = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '');
    const argv = text.split('\0');
    if (text !== '' && wanted(argv)) found.push({ pid: Number(entry), argv });
  }
  return found;
}

/** {@link workersOf} a directory without hooks, which end with the criu that called them. */
export async function processesOf(dir: string): Promise<NamedProcess[]> {
  const workers = await workersOf(dir);
  return workers.filter(({ argv }) => basename(argv[1] ?? '') !== 'hook');
}

/**
 * The programs at work below `dir` that an agent which died may have started, hooks included. Not everybody who names it: a
 * shell or a pager of an operator who looks at a log is none of them.
 */
export function workersOf(dir: string): Promise<NamedProcess[]> {
  return findProcesses(
    (argv) =>
      argv.some((word) => word.includes(`${dir}/`)) &&
      argv.slice(0, 2).some((word) => WORKERS.has(basename(word))),
  );
}

/** Waits until none is left; false when that takes longer than `ms`. */
export async function awaitProcesses(dir: string, clock: Clock, ms: number): Promise<boolean> {
  const untilMs = clock.monotonicMs() + ms;
  while ((await processesOf(dir)).length > 0) {
    if (clock.monotonicMs() >= untilMs) return false;
    await clock.sleep(POLL_MS);
  }
  return true;
}

/** Sends them a signal. */
export async function signalProcesses(dir: string, signal: NodeJS.Signals): Promise<void> {
  for (const { pid } of await processesOf(dir)) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if (!hasCode(error, 'ESRCH')) throw error;
    }
  }
}

/** Kills them with all they have started, hooks included. */
export async function killProcesses(dir: string): Promise<void> {
  for (const { pid } of await workersOf(dir)) await killTree(pid);
}
