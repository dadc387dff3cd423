import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const ROOT = new URL('../../..', import.meta.url).pathname;
const BIN = join(ROOT, 'dist/cli/main.js');
/** Longer than any command of the tests takes; a hang fails with what was written so far. */
const DEADLINE_MS = 30_000;

/** How a run of the real program ended. */
export interface CliResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

/** A running program. */
export interface CliRun {
  /** Resolves when what the program wrote (both streams) matches. */
  wrote(pattern: RegExp): Promise<void>;
  interrupt(): void;
  /** The reader of its standard output goes away. */
  closeStdout(): void;
  readonly ended: Promise<CliResult>;
}

/** Runs the built `godwit` to its end. */
export function runCli(args: readonly string[], env: Record<string, string>, stdin = ''): Promise<CliResult> {
  return startCli(args, env, stdin).ended;
}

/** Starts the built `godwit`; the environment holds nothing of the caller's NATS settings. */
export function startCli(args: readonly string[], env: Record<string, string>, stdin = ''): CliRun {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [BIN, ...args], {
    env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent', ...env },
    timeout: DEADLINE_MS,
    killSignal: 'SIGKILL',
  });
  const text = { stdout: '', stderr: '' };
  const watchers = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (part: string) => {
      text[name] += part;
      for (const look of watchers) look();
    });
  }
  child.stdin.on('error', () => undefined); // A command that never reads its input closes it.
  child.stdin.end(stdin);
  const ended = once(child, 'close').then(([code, signal]) => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
    ...text,
    ms: performance.now() - startedAt,
  }));
  return {
    ended,
    interrupt: () => void child.kill('SIGINT'),
    closeStdout: () => void child.stdout.destroy(),
    wrote: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!pattern.test(text.stdout + text.stderr)) return;
          watchers.delete(look);
          resolve();
        };
        watchers.add(look);
        look();
        ended.then(() => reject(new Error(`ended without ${pattern}: ${text.stdout}${text.stderr}`)), reject);
      }),
  };
}
