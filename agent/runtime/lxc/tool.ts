import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { GodwitError, LIMITS } from '../../../protocol/mod.ts';
import type { Criu } from '../../criu/criu.ts';
import type { Clock } from '../../effects/clock.ts';
import type { Runner } from '../../effects/runner.ts';
import { wordsOf } from '../../host/failure.ts';
import { runTree, type TreeResult } from '../../host/process-tree.ts';
import type { Networks } from './network.ts';

export interface LxcOptions {
  readonly runner: Runner;
  readonly clock: Clock;
  /** Told what has no other way to anybody. */
  readonly log: Pick<Logger, 'error'>;
  /** Where LXC keeps its containers: /var/lib/lxc. */
  readonly lxcPath: string;
  /** A directory on tmpfs for short-lived files (logs of the LXC tools, criu configuration); made when missing. */
  readonly runDir: string;
  /** This node's id, for messages. */
  readonly node: string;
  /** Bridges of this node by the name of the network they stand for; none unless told. */
  readonly networks?: Networks;
  /** The kernel's table of unix sockets; /proc/net/unix unless told. */
  readonly socketTable?: string;
  /** Reads a criu log: its first error lines and the cure. */
  readonly explain: Criu['explain'];
}

/** The options and what the driver remembers while it runs. */
export interface Lxc extends LxcOptions {
  /** Names whose restore is under way here. */
  readonly restoring: Set<string>;
  /** The inits that LXC said it runs, by container. */
  readonly inits: Map<string, { readonly pid: number; readonly birth: string }>;
  readonly socketTable: string;
}

/** One call of an LXC tool. */
export interface ToolCall {
  readonly tool: 'lxc-start' | 'lxc-stop' | 'lxc-attach' | 'lxc-cgroup' | 'lxc-checkpoint';
  readonly name: string;
  /** After `-n NAME -P LXCPATH -o LOG -l ERROR -q`. */
  readonly args: readonly string[];
  readonly deadlineMs: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** True for tools that leave a monitor behind, which would hold the agent's pipes open for ever. */
  readonly silent: boolean;
  /** Told its pid. */
  readonly started?: (pid: number) => void;
}

export interface ToolResult extends TreeResult {
  /** What LXC wrote into its log: one line an error, most telling first; empty when it logged nothing. */
  readonly errors: readonly string[];
}

/** Runs an LXC tool with its errors in a log of its own, because its monitor must not inherit a pipe of the agent. */
export async function callTool(options: LxcOptions, call: ToolCall): Promise<ToolResult> {
  const { tool, name, args, ...rest } = call;
  // On tmpfs, and at once: each through Node's thread pool would take longer than all three.
  mkdirSync(options.runDir, { recursive: true, mode: 0o700 });
  const log = join(options.runDir, `${tool}-${name}-${nextSerial()}.log`);
  const common = ['-n', name, '-P', options.lxcPath, '-o', log, '-l', 'ERROR', '-q'];
  try {
    const ended = await runTree(options.runner, options.clock, {
      file: tool,
      args: [...common, ...args],
      ...rest,
    });
    return { ...ended, errors: lxcErrors(textOf(log)) };
  } finally {
    rmSync(log, { force: true });
  }
}

/** RUNTIME_FAILED (or CHILD_TIMEOUT) with the tool's own words, when the call did not end well. */
export function checkTool(call: Pick<ToolCall, 'tool' | 'name' | 'deadlineMs'>, result: ToolResult): void {
  const { tool, name, deadlineMs } = call;
  if (result.ended === 'timeout') throw new GodwitError('CHILD_TIMEOUT', { tool, timeoutMs: deadlineMs });
  if (result.result.exitCode !== 0) throw runtimeFailed(tool, name, problemOf(result));
}

export function runtimeFailed(tool: string, container: string, problem: string): GodwitError {
  return new GodwitError('RUNTIME_FAILED', { tool, container, problem });
}

export function problemOf({ result, errors }: ToolResult): string {
  return errors.length > 0 ? errors.slice(0, 3).join('; ') : wordsOf(result);
}

/** There is no log where nothing was logged. */
function textOf(log: string): string {
  try {
    return readFileSync(log, 'utf8');
  } catch {
    return '';
  }
}

let serial = 0;

function nextSerial(): number {
  serial += 1;
  return serial;
}

/** "lxc-start c1 20261124175051.872 ERROR    start - ../src/lxc/start.c:start:2378 - MESSAGE" -> MESSAGE */
export function lxcErrors(log: string): string[] {
  return [...log.matchAll(/ (?:ERROR|FATAL|CRIT|ALERT)\s+\w+ - \S+:\w+:\d+ - (.*)/g)]
    .map(([, message = '']) => message.trim().slice(0, LIMITS.logLineChars))
    .filter((message) => message && !/^(To get more|Additional information)/.test(message));
}
