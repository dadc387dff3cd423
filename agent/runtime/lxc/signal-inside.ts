import { readFile } from 'node:fs/promises';
import { descendantsOf, sendSignal } from '../../host/process-tree.ts';

/** What a terminal sends to everybody in front of it. Any other is a word to the command itself, which would end its children. */
const FOR_ALL: readonly NodeJS.Signals[] = ['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTERM'];

/**
 * Sends a signal to the command that a living process has brought into a container, and what is to end to all that this has begun. Resolves
 * with whether it was there already.
 */
export async function signalInside(pid: number, signal: NodeJS.Signals): Promise<boolean> {
  const inside = await begunInside(pid);
  for (const one of FOR_ALL.includes(signal) ? inside : inside.slice(0, 1)) sendSignal(one, signal);
  return inside.length > 0;
}

/** Those in another pid namespace than the agent, parents first: not what brought them there, nor its copy that has not become the command yet. */
async function begunInside(pid: number): Promise<number[]> {
  const [own, ...all] = await Promise.all(
    ['self', pid, ...(await descendantsOf(pid))].map(async (one) => ({
      pid: Number(one),
      depth: await depthOf(one),
      words: await readFile(`/proc/${one}/cmdline`, 'utf8').catch(() => ''),
    })),
  );
  const isInside = ({ depth }: { readonly depth: number }) => depth > (own?.depth ?? 0);
  const outside = all.filter((one) => !isInside(one)).map(({ words }) => words);
  return all.filter((one) => isInside(one) && !outside.includes(one.words)).map((one) => one.pid);
}

/** In how many pid namespaces a process is. */
async function depthOf(pid: number | string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return /^NSpid:\s*(.*)$/m.exec(status)?.[1]?.split('\t').length ?? 0;
}
