import type { Bench } from '../bench.ts';
import { compareWays } from '../tools/ways.ts';

const MIB = 1024 * 1024;

/** What godwit's data stream costs against a plain TCP connection, plain and encrypted; see ../tools/ways.ts. */
export async function tunnel(bench: Bench): Promise<void> {
  const { mib, rounds } = bench.quick ? { mib: 256, rounds: 3 } : { mib: 1024, rounds: 5 };
  await compareWays(mib * MIB, rounds, (way, rates) => {
    const of = { part: 'tunnel', what: `${mib} MiB`, way, unit: 'MiB/s' } as const;
    bench.sample({ ...of, figure: 'throughput' }, rates.whole);
    bench.sample({ ...of, figure: 'with a core each' }, rates.busiest);
  });
}
