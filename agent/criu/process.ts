import type { Readable } from 'node:stream';
import { GodwitError } from '../../protocol/mod.ts';
import type { Runner, RunResult } from '../effects/runner.ts';
import type { CriuProcess } from './criu.ts';
import { explainLog } from './explain.ts';

/** What one criu process is, and how its failure is named. */
export interface CriuRun {
  readonly action: 'dump' | 'pre-dump' | 'page-server' | 'lazy-pages';
  readonly code: 'DUMP_FAILED' | 'RESTORE_FAILED';
  readonly logFile: string;
  readonly deadlineMs: number;
  /** False: it says nothing on the status fd, and is ready when it ended well. */
  readonly listens: boolean;
}

/**
 * Starts one criu process in a session of its own: an agent that dies must not take along the criu that holds a frozen
 * container or the last copy of its pages.
 */
export function startCriu(
  runner: Runner,
  run: CriuRun,
  command: { readonly file: string; readonly args: readonly string[] },
): CriuProcess {
  const child = runner.start({ ...command, deadlineMs: run.deadlineMs, detached: true, statusFd: true });
  const ready = run.listens
    ? Promise.race([firstByte(child.status), child.ended.then((result) => fail(run, result))])
    : child.ended.then((result) => (result.exitCode === 0 ? undefined : fail(run, result)));
  // Whoever does not wait for `ready` learns the same from `ended`.
  ready.catch(() => {});
  return { pid: child.pid, ready, ended: child.ended, kill: child.kill };
}

/** criu writes one zero byte when it listens. The end of the pipe alone says nothing: criu closes it when it fails, too. */
function firstByte(status: Readable | undefined): Promise<void> {
  return new Promise((resolve) => {
    status?.once('data', () => resolve());
    status?.on('error', () => {});
  });
}

async function fail(run: CriuRun, result: RunResult): Promise<never> {
  const tool = `criu ${run.action}`;
  if (result.timedOut) throw new GodwitError('CHILD_TIMEOUT', { tool, timeoutMs: run.deadlineMs });
  const { lines, cure } = await explainLog(run.logFile);
  const problem =
    lines[0] ?? (lastLine(result.stderr) || `${tool} ended with ${outcomeOf(result)} and said nothing`);
  throw new GodwitError(run.code, { target: 'this node', problem, cure, lines });
}

function outcomeOf({ exitCode, signal }: RunResult): string {
  return signal ? `signal ${signal}` : `exit code ${exitCode}`;
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
