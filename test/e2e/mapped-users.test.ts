import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ContainerInfo, MigrateReply, MigrateResult } from '../../protocol/mod.ts';
import { domainXml, makeRootfs } from './support/containers.ts';
import { tracesOf } from './support/node-state.ts';
import { type RedisClient, startRedisClient } from './support/redis-client.ts';
import { until } from './support/until.ts';
import { useCluster } from './support/use-lab.ts';
import { mayUserfaultfd, withUserfaultfd } from './support/userfaultfd.ts';

const NAME = 'mapped';
const ADDRESS = '10.77.1.64';
const OUTSIDE = 100_000;
const cluster = useCluster('map', { nodes: 2 });
const wish = { name: NAME, address: ADDRESS, memoryMib: 256 };
const IDMAP = `<idmap>
    <uid start='0' target='${OUTSIDE}' count='65536'/><gid start='0' target='${OUTSIDE}' count='65536'/>
  </idmap>`;

/** What the kernel says of its users, files and network on a node. */
const SHOW = `
  pid=$(lxc-info -n ${NAME} -pH)
  cat /proc/$pid/uid_map /proc/$pid/gid_map
  grep -E '^(Uid|Gid|Groups|Cap[A-Z][a-z]*|NoNewPrivs):' /proc/$pid/status
  [ "$(readlink /proc/$pid/ns/user)" != "$(readlink /proc/self/ns/user)" ] && echo own namespace
  lxc-attach -n ${NAME} -- sh -c 'ls -nd / /data /dev /dev/null; touch /data/mine; ls -n /data/mine | cut -c 1-30'
  nsenter --target $pid --net ip -o addr | sed 's/@if[0-9]*//; s/ tentative//'
  nsenter --target $pid --net ip route
  nsenter --target $pid --net nft list ruleset
  ls /sys/class/net/br0/brif | grep -c '^gw'`;

describe('a container with mapped users', () => {
  let client: RedisClient;
  let before = '';

  beforeAll(async () => {
    await makeRootfs(cluster, 'redis', wish);
    await cluster.lab.sh('n1', `chown -hR ${OUTSIDE}:${OUTSIDE} /srv/godwit/${NAME}`);
    const input = domainXml(wish).replace('<devices>', `${IDMAP}\n  <devices>`);
    const defined = await cluster.lab.run(['client', '--', 'godwit', 'define', '-', '--node', 'n1'], {
      input,
    });
    expect(defined).toMatchObject({ exitCode: 0 });
    expect(await cluster.godwit('start', NAME)).toMatchObject({ exitCode: 0 });
    client = await startRedisClient(cluster, { host: ADDRESS, megabytes: 4 });
    before = await cluster.lab.sh('n1', SHOW);
  });
  afterAll(() => client?.kill());

  it('moves there and back with its users, its network and its client', { timeout: 240_000 }, async () => {
    expect(before).toContain(`Uid:\t${OUTSIDE}\t`);
    expect(before).toContain('own namespace');
    expect(before).toContain(`${ADDRESS}/16`);
    for (const target of ['n2', 'n1']) {
      const moved = await cluster.json<MigrateResult>('migrate', NAME, target, '--mode', 'cold');
      expect(moved.outcome).toBe('done');
      await settled();
      expect(await cluster.lab.sh(target, SHOW)).toBe(before);
    }
  });

  it('moves by post-copy where its tasks may open a userfaultfd', { timeout: 240_000 }, async () => {
    await withUserfaultfd(cluster, async () => {
      for (const target of ['n2', 'n1']) {
        await settled();
        const moved = await cluster.json<MigrateResult>('migrate', NAME, target, '--mode', 'postcopy');
        expect(moved).toMatchObject({ outcome: 'done', mode: 'postcopy' });
        await settled();
        expect(await cluster.lab.sh(target, SHOW)).toBe(before);
      }
    });
    await settled();
  });

  it('comes back out of a checkpoint', { timeout: 120_000 }, async () => {
    expect(await cluster.godwit('checkpoint', NAME)).toMatchObject({ exitCode: 0 });
    expect(await cluster.godwit('restore', NAME)).toMatchObject({ exitCode: 0 });
    await settled();
    expect(await cluster.lab.sh('n1', SHOW)).toBe(before);
    expect(await client.finish()).toMatchObject({ ok: true, wrong: 0, problems: [] });
  });

  it('is not offered what its tasks may not do', { timeout: 60_000 }, async () => {
    const may = mayUserfaultfd();
    const dry = await cluster.godwit('migrate', NAME, 'n2', '--dry-run', '--json');
    const { mode } = JSON.parse(dry.stdout) as MigrateReply;
    if (!may) expect(mode).toBe('cold');
    const asked = await cluster.godwit('migrate', NAME, 'n2', '--mode', 'postcopy', '--dry-run');
    expect(asked.exitCode).toBe(may ? 0 : 8);
    if (!may) expect(asked.stderr).toContain('vm.unprivileged_userfaultfd=1');
  });

  it('leaves nothing behind', { timeout: 60_000 }, async () => {
    expect(await cluster.godwit('stop', NAME)).toMatchObject({ exitCode: 0 });
    expect(await tracesOf(cluster, 'n2', NAME)).toEqual([]);
    for (const node of ['n1', 'n2'])
      expect(await cluster.lab.sh(node, `find /run -name '${NAME}.*'`)).toBe('');
  });

  async function settled(): Promise<void> {
    await until('the record settles', 30_000, async () => {
      const { exitCode, stdout } = await cluster.godwit('inspect', NAME, '--json');
      if (exitCode !== 0) return false;
      const { container } = JSON.parse(stdout) as ContainerInfo;
      return container.phase === 'running' && container.job === undefined;
    });
  }
});
