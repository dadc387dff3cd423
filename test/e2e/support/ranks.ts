import type { Cluster } from './cluster.ts';
import { startContainer } from './containers.ts';
import { until } from './until.ts';

/** Two containers of one group that send counted messages back and forth over one TCP connection (workloads/ranks). */
export interface Ranks {
  readonly names: readonly string[];
  /** How far each has come, as its files tell. Rejects when one of them has seen anything that may not be. */
  counts(): Promise<number[]>;
  /** Resolves when both have come further than they are now. */
  goOn(): Promise<void>;
}

const ADDRESSES = ['10.77.1.70', '10.77.1.71'] as const;

/** Starts them on a node. @param reader any node that is on: all see the ranks' files */
export async function startRanks(cluster: Cluster, node: string, reader: string): Promise<Ranks> {
  const names = ['rank0', 'rank1'];
  for (const [index, name] of names.entries())
    await startContainer(cluster, node, 'generic', {
      name,
      address: ADDRESSES[index] ?? '',
      memoryMib: 64,
      programs: ['test/e2e/workloads/ranks/rank.py'],
      args: ['/bin/python3', '-I', '-S', '/rank.py', index === 0 ? 'listen' : ADDRESSES[0]],
      placement: "group='job' together='require'",
    });
  const read = (file: string) =>
    cluster.lab.sh(
      reader,
      names.map((name) => `cat /srv/godwit/${name}/data/${file} 2>/dev/null || echo -`).join('; '),
    );
  const counts = async () => {
    const wrong = await read('wrong');
    if (wrong !== '-\n-') throw new Error(`the ranks are at odds: ${wrong}`);
    return (await read('count')).split('\n').map((count) => (count === '-' ? -1 : Number(count)));
  };
  const goOn = async () => {
    const before = await counts();
    await until('both ranks go on', 120_000, async () => {
      const now = await counts();
      return now.every((count, index) => count > (before[index] ?? 0));
    });
  };
  await goOn();
  return { names, counts, goOn };
}
