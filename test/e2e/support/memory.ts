import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Cluster } from './cluster.ts';
import { startContainer } from './containers.ts';
import { until } from './until.ts';

/** Where workloads/memory listens. */
export const MEMORY_PORT = 7080;

/** What memory.py found when it looked at every word of its memory. */
export interface MemoryCheck {
  readonly pages: number;
  readonly wrong: number;
  /** Pages written since it started. */
  readonly writes: number;
  /** Since the check before. */
  readonly longestGapMs: number;
}

/** A container with memory of a known content, over one connection that outlives moves. */
export interface Memory {
  /** Lets it write pages of its first `overMib` MiB, one after the other; each costs it so much CPU time. */
  write(pagesPerSecond: number, overMib: number, costUs?: number): Promise<void>;
  check(): Promise<MemoryCheck>;
  close(): Promise<void>;
}

/** Starts workloads/memory in a container, with `mib` MiB. */
export async function startMemory(
  cluster: Cluster,
  node: string,
  { name, address, mib }: { readonly name: string; readonly address: string; readonly mib: number },
): Promise<Memory> {
  await startContainer(cluster, node, 'generic', {
    name,
    address,
    memoryMib: 2 * mib + 64,
    programs: ['test/e2e/workloads/memory/memory.py'],
    args: memoryArgs(mib),
  });
  return connectMemory(cluster, address);
}

/** What runs workloads/memory in a container that has it at its root. */
export function memoryArgs(mib: number): string[] {
  return ['/bin/python3', '-I', '-S', '/memory.py', String(MEMORY_PORT), String(mib)];
}

/** Asks the memory workload of a container over one connection, once it listens. */
export async function connectMemory(cluster: Cluster, address: string): Promise<Memory> {
  const knock = ['client', '--', 'timeout', '5', 'bash', '-c', `: </dev/tcp/${address}/${MEMORY_PORT}`];
  await until(`${address} listens`, 300_000, async () => (await cluster.lab.run(knock)).exitCode === 0);
  const talk = `exec 3<>/dev/tcp/${address}/${MEMORY_PORT}; cat <&3 & cat >&3; kill $!`;
  const child = cluster.lab.start(['client', '--', 'bash', '-c', talk], { stdin: 'pipe' });
  if (!child.stdout || !child.stdin) throw new Error('the client has no pipes');
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { stdin } = child;
  const ask = async (line: string) => {
    stdin.write(`${line}\n`);
    const { done, value } = await answers.next();
    if (done) throw new Error('the connection is gone');
    return JSON.parse(value);
  };
  return {
    write: (pagesPerSecond, overMib, costUs = 0) => ask(`write ${pagesPerSecond} ${overMib} ${costUs}`),
    check: () => ask('check'),
    async close() {
      const ended = once(child, 'close');
      stdin.end();
      await ended;
    },
  };
}
