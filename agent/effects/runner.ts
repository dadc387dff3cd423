import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';

/** A child process to run: an argument array (never a shell string) and a deadline (every child has one). */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  /** After this the child gets SIGTERM, then SIGKILL two seconds later. Infinity: a daemon that its supervisor ends. */
  readonly deadlineMs: number;
  /** Added to a minimal environment (PATH, LANG=C); the agent's own environment is not passed on. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Text for standard input; none means /dev/null. */
  readonly input?: string;
  /** Kills the child when aborted. */
  readonly signal?: AbortSignal;
  /** Own session: the child survives the agent, and is killed with its whole process group. */
  readonly detached?: boolean;
  /** True: all three standard streams on /dev/null (children that leave daemons behind). */
  readonly silent?: boolean;
  /** True: fd 3 of the child is a pipe, readable as {@link RunningProcess.status} (criu's --status-fd 3). */
  readonly statusFd?: boolean;
  /** True: fd 3 of the child is one end of a two-way channel, the other one is {@link RunningProcess.channel}. */
  readonly channel?: boolean;
}

export interface RunResult {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
  readonly durationMs: number;
}

export interface RunningProcess {
  readonly pid: number;
  /** Present with `statusFd`. */
  readonly status?: Readable;
  /** Present with `channel`. */
  readonly channel?: Socket;
  /**
   * Present with `channel`: the process itself has ended. `ended` follows once the channel is closed, and soon: what the
   * process left behind holds its other outputs no longer than a moment.
   */
  readonly exited?: Promise<void>;
  /** Never rejects: a child that could not be started ends with exitCode 127 and the reason in stderr. */
  readonly ended: Promise<RunResult>;
  kill(signal: NodeJS.Signals): void;
}

/** Child processes as the agent sees them; scripted in tests. */
export interface Runner {
  /** Runs to the end; never rejects because of an exit code. */
  run(command: Command): Promise<RunResult>;
  start(command: Command): RunningProcess;
}
