import { GodwitError, LIMITS } from '../../../protocol/mod.ts';
import { wordsOf } from '../../host/failure.ts';
import type { Runtime } from '../runtime.ts';
import { runningStatus } from './info.ts';
import { signalInside } from './signal-inside.ts';
import { callTool, type Lxc, type ToolResult } from './tool.ts';

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** What every command finds in its environment, as arguments of lxc-attach. */
export const EXEC_ENV = ['-v', `PATH=${PATH}`, '-v', 'HOME=/root'] as const;

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a command in a container and waits for it; stdin is empty, stdout and stderr are cut at LIMITS.execOutputBytes.
 * At the deadline the command is killed inside the container, too.
 * @throws GodwitError CONTAINER_STATE, EXEC_FAILED (not started), CHILD_TIMEOUT
 */
export async function execIn(
  options: Lxc,
  name: string,
  argv: readonly string[],
  { timeoutMs, started }: Parameters<Runtime['exec']>[2],
): Promise<ExecResult> {
  const [program = ''] = argv;
  if (argv.some((word) => word.includes('\0'))) throw execFailed(name, 'an argument holds a NUL');
  const { state } = await runningStatus(options, name);
  // The command would hang in the frozen cgroup before it starts.
  if (state === 'frozen') {
    throw new GodwitError('CONTAINER_STATE', { container: name, state, wanted: 'running' });
  }
  const ended = await callTool(options, {
    tool: 'lxc-attach',
    name,
    args: ['--clear-env', ...EXEC_ENV, '--', ...argv],
    deadlineMs: timeoutMs,
    silent: false,
    ...(started ? { started: (pid: number) => started((signal) => signalInside(pid, signal)) } : {}),
  });
  if (ended.ended === 'timeout') throw new GodwitError('CHILD_TIMEOUT', { tool: program, timeoutMs });
  const { exitCode, stdout, stderr } = ended.result;
  if (exitCode === null || (exitCode !== 0 && ended.errors.length > 0)) throw execFailed(name, whyNot(ended));
  return { exitCode, stdout: bounded(stdout), stderr: bounded(stderr) };
}

function whyNot({ errors, result }: ToolResult): string {
  if (result.exitCode === null) return 'it was killed, or wrote more than can be kept';
  return errors[0] ?? wordsOf(result);
}

function execFailed(container: string, problem: string): GodwitError {
  return new GodwitError('EXEC_FAILED', { container, problem });
}

/** Cuts text to the limit in UTF-8 bytes, never inside a character. */
function bounded(text: string): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= LIMITS.execOutputBytes) return text;
  return new TextDecoder().decode(bytes.subarray(0, LIMITS.execOutputBytes), { stream: true });
}
