import { readFile } from 'node:fs/promises';
import { descendantsOf, sendSignal } from '../../host/process-tree.ts';

/** Sends a signal to the command that a living process has brought into a container; does nothing before it is there. */
export async function signalInside(pid: number, signal: NodeJS.Signals): Promise<void> {
  for (const one of await descendantsOf(pid)) if (await isInside(one)) return sendSignal(one, signal);
}

/** Whether a process is in another pid namespace than the agent: the command itself, not what brought it there. */
async function isInside(pid: number): Promise<boolean> {
  const depth = async (of: number | 'self') => {
    const status = await readFile(`/proc/${of}/status`, 'utf8').catch(() => '');
    return /^NSpid:\s*(.*)$/m.exec(status)?.[1]?.split('\t').length ?? 0;
  };
  return (await depth(pid)) > (await depth('self'));
}
