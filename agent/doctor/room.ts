import { createInterface } from 'node:readline';
import type { Command, Runner, RunningProcess } from '../effects/runner.ts';
import { HELPER } from './helper.ts';

/** A pid, network and mount namespace of its own, whose end takes every process in it along. */
export interface Room {
  /** Pid inside the room of the root of the helper's process tree; 0 in an empty room. */
  readonly tree: number;
  /** Runs commands inside the room. */
  readonly runner: Runner;
  /** Ends the room and everything in it. */
  close(): Promise<void>;
}

export interface RoomOptions {
  readonly runner: Runner;
  readonly mode: 'tree' | 'empty';
  /** FIFO into which the helper writes its verdicts. */
  readonly report: string;
  readonly deadlineMs: number;
}

/** Opens a room. @throws Error with what the helper said when it does not come up */
export async function openRoom({ runner, mode, report, deadlineMs }: RoomOptions): Promise<Room> {
  const process = runner.start({
    file: 'unshare',
    args: ['--net', '--pid', '--fork', '--kill-child', '--mount-proc', 'perl', '-e', HELPER, mode, report],
    deadlineMs,
    detached: true,
    statusFd: true,
  });
  const event = await Promise.race([firstLine(process), endOf(process)]);
  return {
    tree: Number(/^tree (\d+)$/.exec(event)?.[1] ?? 0),
    runner: runnerIn(runner, process.pid),
    close: async () => {
      process.kill('SIGKILL');
      await process.ended;
    },
  };
}

async function firstLine({ status }: RunningProcess): Promise<string> {
  if (!status) throw new Error('no pipe for the events of the room');
  for await (const line of createInterface({ input: status })) return line;
  // The pipe ends with the helper; its exit says why.
  return new Promise(() => {});
}

async function endOf(process: RunningProcess): Promise<never> {
  const { exitCode, stderr } = await process.ended;
  throw new Error(`the helper process did not start: ${stderr.trim() || `exit code ${exitCode}`}`);
}

/** `unshare` itself stays outside the new pid namespace, but its children live in it. */
function runnerIn(runner: Runner, pid: number): Runner {
  const spaces = ['net=net', 'mount=mnt', 'pid=pid_for_children'].map((space) => {
    const [option, file] = space.split('=');
    return `--${option}=/proc/${pid}/ns/${file}`;
  });
  const within = (command: Command): Command => ({
    ...command,
    file: 'nsenter',
    args: [...spaces, '--', command.file, ...command.args],
  });
  return { run: (command) => runner.run(within(command)), start: (command) => runner.start(within(command)) };
}
