import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { execa, type Options, type ResultPromise } from 'execa';
import type { Command, Runner, RunningProcess, RunResult } from './runner.ts';

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const KILL_AFTER_MS = 2_000;
/** How long what a process with a channel, or one that was killed, left behind may hold its outputs. */
const DRAIN_MS = 500;
const OUTPUT_BYTES = 4 * 1024 * 1024;

/** Child processes through execa: no shell, a minimal environment, a deadline for each. */
export function createRunner(): Runner {
  return { run: (command) => start(command).ended, start };
}

function start(command: Command): RunningProcess {
  const startedMs = performance.now();
  let timedOut = false;
  const child = execa(command.file, [...command.args], optionsOf(command));
  const kill = (signal: NodeJS.Signals) => send(child, signal, command.detached ?? false);

  let force: NodeJS.Timeout | undefined;
  const stop = () => {
    kill('SIGTERM');
    force ??= setTimeout(() => {
      kill('SIGKILL');
      setTimeout(() => forgetOutputs(child), DRAIN_MS).unref();
    }, KILL_AFTER_MS);
  };
  const late = () => {
    timedOut = true;
    stop();
  };
  // A timer cannot count to infinity: it would fire at once.
  const deadline =
    command.deadlineMs === Number.POSITIVE_INFINITY ? undefined : setTimeout(late, command.deadlineMs);
  if (command.signal?.aborted) stop();
  else command.signal?.addEventListener('abort', stop, { once: true });

  const ended = child.then((result): RunResult => {
    clearTimeout(deadline);
    clearTimeout(force);
    command.signal?.removeEventListener('abort', stop);
    const started = child.pid !== undefined;
    return {
      exitCode: result.exitCode ?? (started ? null : 127),
      signal: (result.signal as NodeJS.Signals | undefined) ?? null,
      stdout: textOf(result.stdout),
      stderr: started
        ? textOf(result.stderr)
        : (result.shortMessage ?? `${command.file} could not be started`),
      timedOut,
      durationMs: performance.now() - startedMs,
    };
  });
  const status = command.statusFd ? (child.stdio[3] as Readable | undefined) : undefined;
  const channel = command.channel ? (child.stdio[3] as unknown as Socket | undefined) : undefined;
  // What breaks it breaks its user's reads and writes, too; one that nobody uses yet must not end the agent.
  channel?.on('error', () => {});
  return {
    pid: child.pid ?? 0,
    ...(status ? { status } : {}),
    ...(channel ? { channel, exited: exitOf(child) } : {}),
    ended,
    kill,
  };
}

/** Not kept by this: a daemon that the process left behind has its outputs, too. */
async function exitOf(child: ResultPromise): Promise<void> {
  await new Promise<void>((resolve) => {
    child.once('exit', () => resolve()).once('error', () => resolve());
  });
  setTimeout(() => forgetOutputs(child), DRAIN_MS).unref();
}

/** Whoever holds them still, nobody waits for it any more. */
function forgetOutputs(child: ResultPromise): void {
  for (const output of [child.stdout, child.stderr]) output?.destroy();
}

function optionsOf(command: Command) {
  const output = command.silent ? 'ignore' : 'pipe';
  const input = command.input === undefined ? 'ignore' : 'pipe';
  const options = {
    stdio: command.statusFd || command.channel ? [input, output, output, 'pipe'] : [input, output, output],
    // Its bytes are its user's alone, and may be more than memory holds.
    ...(command.channel ? { buffer: { fd3: false } } : {}),
    ...(command.input === undefined ? {} : { input: command.input }),
    ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
    env: { PATH, LANG: 'C', ...command.env },
    extendEnv: false,
    reject: false,
    detached: command.detached ?? false,
    cleanup: false,
    maxBuffer: OUTPUT_BYTES,
    stripFinalNewline: false,
    encoding: 'utf8',
  } as const;
  return options as unknown as Options;
}

/** A detached child leads its own process group; the whole group gets the signal. */
function send(child: ResultPromise, signal: NodeJS.Signals, group: boolean): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(group ? -child.pid : child.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function textOf(output: unknown): string {
  return typeof output === 'string' ? output : '';
}
