import { expect, it } from 'vitest';
import type { ContainerInfo, MigrateResult } from '../../protocol/mod.ts';
import { startContainer } from '../e2e/support/containers.ts';
import { until } from '../e2e/support/until.ts';
import { useCluster } from '../e2e/support/use-lab.ts';
import { PURE_V2 } from './groups.ts';

const NAME = 'listed';
const LIST = '/etc/listed.conf';
const cluster = useCluster('dr', { nodes: 2 });

/** What Debian's containers have, without /dev/zero. */
const RULES = `lxc.cgroup2.devices.deny = a
lxc.cgroup2.devices.allow = c *:* m
lxc.cgroup2.devices.allow = b *:* m
lxc.cgroup2.devices.allow = /dev/null rwm
lxc.cgroup2.devices.allow = c 1:9 rwm
lxc.cgroup2.devices.allow = c 5:2 rwm
lxc.cgroup2.devices.allow = c 136:* rwm`;

/** Opens what it may all the time, and notes when it could not. */
const OPENS = [
  "while (1) { for $file ('/dev/null', '/dev/urandom') {",
  'open(F, $file) or do { open(G, \'&gt;&gt;/refused\'); print G "$file: $!\\n"; close G }',
  '} select undef, undef, undef, 0.002 }',
].join(' ');

/** What comes of opening two devices in it. */
const LOOK = `lxc-attach -n ${NAME} -- sh -c 'for one in null zero; do (true </dev/$one) 2>/dev/null && echo $one; done; [ ! -e /refused ] || cat /refused'`;

// With cgroup v1 test/e2e/settings.test.ts looks at them.
it.runIf(PURE_V2)(
  'device rules of an included file are in force after a move, and nothing allowed was refused meanwhile',
  async () => {
    const { lab } = cluster;
    for (const node of ['n1', 'n2']) await lab.sh(node, `cat >${LIST} <<'END'\n${RULES}\nEND`);
    await startContainer(cluster, 'n1', 'generic', {
      name: NAME,
      address: '10.77.1.35',
      memoryMib: 64,
      init: '/bin/perl',
      args: ['-e', OPENS],
      settings: `<godwit:lxc><godwit:include file='${LIST}'/></godwit:lxc>`,
    });
    const seen = await lab.sh('n1', `${LOOK} || true`);
    expect(seen.trim()).toBe('null');
    expect(await cluster.json<MigrateResult>('migrate', NAME, 'n2', '--mode', 'cold')).toMatchObject({
      outcome: 'done',
    });
    expect(await lab.sh('n2', `${LOOK} || true`)).toBe(seen);

    // Rules that cannot be put in force cost a container nothing.
    await lab.sh('n1', 'mount --bind /bin/false "$(command -v lxc-cgroup)"');
    try {
      const moved = await cluster.json<MigrateResult>('migrate', NAME, 'n1', '--mode', 'postcopy');
      expect(moved).toMatchObject({ outcome: 'done' });
      await until('the record settles', 10_000, async () => {
        const { container } = await cluster.json<ContainerInfo>('inspect', NAME);
        return container.owner === 'n1' && container.phase === 'running';
      });
      expect(await lab.sh('n1', `${LOOK} || true`)).toMatch(/^null\nzero\n?$/);
      const told = await lab.sh('n1', 'grep -c "device rules are not in force" /var/log/godwit-agent.log');
      expect(told.trim()).toBe('1');
    } finally {
      await lab.sh('n1', 'umount "$(command -v lxc-cgroup)"');
    }
  },
);
