import { findProcesses } from '../../host/named-processes.ts';
import { killTree } from '../../host/process-tree.ts';
import { payloadGroup } from './names.ts';

/**
 * Kills every `lxc-checkpoint -r` and `criu restore` of this container with all they have built. They outlive an agent
 * that died in the middle of a restore (a held hook waits for its answer), and criu has left LXC's cgroups, so that only
 * its arguments tell whose it is.
 */
export async function killRestorers(name: string): Promise<void> {
  for (const { pid } of await findProcesses((argv) => restores(argv, name))) await killTree(pid);
}

/** True while a restore of this container works here, or is held. */
export async function isRestoring(name: string): Promise<boolean> {
  return (await findProcesses((argv) => restores(argv, name))).length > 0;
}

/** True for the argv of a restore of this very container. */
export function restores(argv: readonly string[], name: string): boolean {
  const program = argv[0]?.split('/').at(-1);
  if (program === 'lxc-checkpoint') return argv.includes('-r') && argv[argv.indexOf('-n') + 1] === name;
  if (program !== 'criu' || argv[1] !== 'restore') return false;
  const group = `/${payloadGroup(name)}`;
  return argv.some((word, at) => argv[at - 1] === '--cgroup-root' && word.endsWith(group));
}
