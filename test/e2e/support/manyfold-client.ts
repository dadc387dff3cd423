import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { compiled } from './checkout.ts';
import type { Cluster } from './cluster.ts';
import { until } from './until.ts';

/** One connection to manyfold that outlives moves. */
export interface Manyfold {
  check(): Promise<{ readonly ok: boolean; readonly checks: Readonly<Record<string, string>> }>;
  close(): Promise<void>;
}

/** Connects from outside all nodes, once the program listens. */
export async function askManyfold(cluster: Cluster, host: string): Promise<Manyfold> {
  const knock = ['client', '--', 'timeout', '1', 'bash', '-c', `: </dev/tcp/${host}/7070`];
  await until(`${host} listens`, 30_000, async () => (await cluster.lab.run(knock)).exitCode === 0);
  const child = cluster.lab.start(
    ['client', '--', 'node', compiled('test/e2e/workloads/manyfold/ask.ts'), '--host', host],
    { stdin: 'pipe' },
  );
  if (!child.stdout || !child.stdin) throw new Error('the client has no pipes');
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const { stdin } = child;
  return {
    async check() {
      stdin.write('\n');
      const { done, value } = await answers.next();
      if (done) throw new Error('the client ended');
      return JSON.parse(value);
    },
    async close() {
      const ended = once(child, 'close');
      stdin.end();
      await ended;
    },
  };
}
