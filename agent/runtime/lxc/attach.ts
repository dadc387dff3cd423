import { GodwitError } from '../../../protocol/mod.ts';
import { birthOf } from '../../host/process-birth.ts';
import { descendantsOf, killTree } from '../../host/process-tree.ts';
import { shellWord } from '../../host/shell-word.ts';
import type { Attached, TerminalWish } from '../runtime.ts';
import { EXEC_ENV } from './exec.ts';
import { runningStatus } from './info.ts';
import { signalInside } from './signal-inside.ts';
import type { Lxc } from './tool.ts';

/** In the environment of such a command on this node: the agent's run directory, by which a later agent knows it. */
export const ATTACH_MARK = 'GODWIT_ATTACH';
const SIZE_MS = 5_000;
/** Standard input and output are the agent's channel. */
const ON_CHANNEL = 'exec "$@" <&3 >&3 3>&-';

/**
 * Runs a command in a container for somebody who talks to it. With a terminal it runs under util-linux' `script`, which makes
 * one; lxc-attach makes another one inside and passes sizes on. @throws GodwitError CONTAINER_STATE, EXEC_FAILED
 */
export async function attachTo(
  options: Lxc,
  name: string,
  argv: readonly string[],
  terminal: TerminalWish | undefined,
): Promise<Attached> {
  if (argv.some((word) => word.includes('\0')))
    throw new GodwitError('EXEC_FAILED', { container: name, problem: 'an argument holds a NUL' });
  const { state } = await runningStatus(options, name);
  if (state === 'frozen')
    throw new GodwitError('CONTAINER_STATE', { container: name, state, wanted: 'running' });
  const env = terminal ? [...EXEC_ENV, '-v', `TERM=${terminal.term}`] : EXEC_ENV;
  const attach = ['lxc-attach', '-n', name, '-P', options.lxcPath, '--clear-env', ...env, '--', ...argv];
  const command = terminal ? ['script', '-qfe', '-c', sized(terminal, attach), '/dev/null'] : attach;
  const child = options.runner.start({
    file: 'sh',
    args: ['-c', ON_CHANNEL, 'sh', ...command],
    deadlineMs: Number.POSITIVE_INFINITY,
    env: { SHELL: '/bin/sh', [ATTACH_MARK]: options.runDir },
    detached: true,
    channel: true,
  });
  const { channel, exited } = child;
  const birth = birthOf(child.pid);
  /** Its pid is another's once it was reaped. */
  const lives = async () => {
    const now = await birthOf(child.pid);
    return now !== undefined && now === (await birth);
  };
  if (!channel || !exited)
    throw new GodwitError('EXEC_FAILED', { container: name, problem: (await child.ended).stderr });
  return {
    channel,
    exited,
    ended: child.ended.then(({ exitCode, stderr }) => ({ exitCode: exitCode ?? 255, stderr })),
    resize: async (size) => {
      if (!(await lives())) return;
      const [shell] = await descendantsOf(child.pid);
      if (shell === undefined) return;
      const args = [
        '-F',
        `/proc/${shell}/fd/0`,
        ...['rows', String(size.rows)],
        ...['cols', String(size.columns)],
      ];
      await options.runner.run({ file: 'stty', args, deadlineMs: SIZE_MS });
    },
    signal: async (signal) => (await lives()) && signalInside(child.pid, signal),
    kill: async () => {
      if (await lives()) await killTree(child.pid);
    },
  };
}

/** script takes nothing but a line for the shell. The terminal has its size before the command looks at it. */
function sized({ rows, columns }: TerminalWish, argv: readonly string[]): string {
  const words = argv.map(shellWord);
  return `stty rows ${rows} cols ${columns}; exec ${words.join(' ')}`;
}
