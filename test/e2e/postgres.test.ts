import { beforeAll, describe, expect, it } from 'vitest';
import type { Job, MigrateResult } from '../../protocol/mod.ts';
import { domainXml } from './support/containers.ts';
import { makePostgres, pg } from './support/postgres.ts';
import { until } from './support/until.ts';
import { useCluster } from './support/use-lab.ts';

/** pgbench's scale: 8 are some 120 MB of data, 68 are 1 GiB. */
const scale = process.env.GODWIT_POSTGRES ?? '8';
const host = '10.77.1.80';
const NAME = 'pg';

describe('PostgreSQL with its data in a copied root file system', () => {
  const cluster = useCluster('pg', { nodes: 2 });
  const sql = async (query: string) => (await pg(cluster, host, 'psql', '-Atc', query, 'postgres')).stdout;

  beforeAll(async () => {
    await makePostgres(cluster, 'n1', NAME);
    const input = domainXml({ name: NAME, address: host, memoryMib: 512, copiedIn: '/srv/local' });
    const defined = await cluster.lab.run(['client', '--', 'godwit', 'define', '-', '--node', 'n1'], {
      input,
    });
    expect(defined.exitCode, defined.stderr).toBe(0);
    expect((await cluster.godwit('start', NAME)).exitCode).toBe(0);
    await until('it answers', 60_000, async () => (await pg(cluster, host, 'pg_isready')).exitCode === 0);
    expect((await pg(cluster, host, 'pgbench', '-i', '-s', scale, 'postgres')).exitCode).toBe(0);
  }, 900_000);

  it('moves there and back under load: no failed transaction, no lost row, no new connection', async () => {
    const seconds = Number(process.env.GODWIT_POSTGRES_SECONDS ?? 60);
    const load = pg(cluster, host, 'pgbench', '-c', '2', '-T', String(seconds), 'postgres');
    await until(
      'it works',
      30_000,
      async () => Number(await sql('select count(*) from pgbench_history')) > 0,
    );
    const first = await cluster.json<MigrateResult>('migrate', NAME, 'n2', '--mode', 'cold');
    const second = await cluster.json<MigrateResult>('migrate', NAME, 'n1', '--mode', 'postcopy');
    const { exitCode, stdout, stderr } = await load;
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toContain('number of failed transactions: 0 ');
    // Each transaction that pgbench counts as done has left its row, and the sums still agree.
    const done = Number(/transactions actually processed: (\d+)/.exec(stdout)?.[1]);
    expect(Number(await sql('select count(*) from pgbench_history'))).toBe(done);
    const sums = ['pgbench_accounts', 'pgbench_branches', 'pgbench_tellers'].map(
      (table) => `(select sum(${table.slice(8, 9)}balance) from ${table})`,
    );
    const [accounts, branches, tellers, deltas] = (
      await sql(`select ${sums.join(', ')}, (select sum(delta) from pgbench_history)`)
    ).split('|');
    expect([accounts, branches, tellers]).toEqual([deltas, deltas, deltas]);
    expect([first.outcome, second.outcome]).toEqual(['done', 'done']);
    const { rootfsPasses } = await cluster.json<Job>('job', 'show', first.job);
    const [whole, changed] = rootfsPasses.map(({ bytes }) => bytes);
    expect(changed).toBeLessThan((whole as number) / 5);
    // Its figures are what it is run for by hand.
    console.log(JSON.stringify([first, second], undefined, 2));
  }, 900_000);
});
