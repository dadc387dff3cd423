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

/**
 * The processes that were started for the files below `dir`, told by their arguments: a criu, a daemon. Hook scripts are
 * not among them; they end with the criu that called them.
 */
export function processesOf(dir: string): Promise<NamedProcess[]> {
  const below = `${dir}/`;
  return findProcesses(
    (argv) => argv.some((word) => word.includes(below)) && basename(argv[1] ?? '') !== 'hook',
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
  for (const { pid } of await findProcesses((argv) => argv.some((word) => word.includes(`${dir}/`))))
    await killTree(pid);
}
