import { beforeAll, describe, expect, it } from 'vitest';
import type { MigrateReply, MigrateResult, Preparation } from '../../protocol/mod.ts';
import { atRest } from './support/at-rest.ts';
import { systemDomain } from './support/system-container.ts';
import { until } from './support/until.ts';
import { useCluster } from './support/use-lab.ts';
import { withUserfaultfd } from './support/userfaultfd.ts';

const NAME = 'debian';
const ROOT = `/srv/godwit/${NAME}`;
const OUTSIDE = 100_000;
const cluster = useCluster('maps', { nodes: 2 });
const IDMAP = `<idmap>
    <uid start='0' target='${OUTSIDE}' count='65536'/><gid start='0' target='${OUTSIDE}' count='65536'/>
  </idmap>`;

/** It fails where users are mapped: debugfs is the node's. */
const OWN = `
ln -s /dev/null ${ROOT}/etc/systemd/system/sys-kernel-debug.mount
chown -hR ${OUTSIDE}:${OUTSIDE} ${ROOT}`;

/** What must be the same after each move, on the node and then inside; a new unit is a group that only who owns its parent fills. */
const SHOW = `
  for group in '' /system.slice /system.slice/cron.service; do
    stat -c '%u:%g %a %n' /sys/fs/cgroup/*/lxc.payload.${NAME}$group/cgroup.procs
  done
  cat /proc/$(lxc-info -n ${NAME} -pH)/uid_map
  lxc-attach -n ${NAME} -- sh -euc '
    systemd-run --quiet --wait --pipe echo from a new unit
    systemctl restart cron
    systemctl daemon-reload
    systemctl is-system-running
    systemctl --failed --no-legend
    ip -4 -br addr show dev eth0 | sed "s/@[^ ]*//"
    systemctl show -P MainPID systemd-journald systemd-logind ssh nginx'`;

describe('a Debian container with systemd and mapped users', () => {
  beforeAll(async () => {
    expect(await cluster.lab.run(['rootfs', 'system', NAME])).toMatchObject({ exitCode: 0 });
    await cluster.lab.sh('n1', OWN);
    const input = systemDomain(NAME, '10.77.1.61')
      .replace('<devices>', `${IDMAP}\n  <devices>`)
      .replace(/<interface type='bridge'><source bridge='br0'\/><\/interface>/, '');
    const defined = await cluster.lab.run(['client', '--', 'godwit', 'define', '-', '--node', 'n1'], {
      input,
    });
    expect(defined).toMatchObject({ exitCode: 0 });
    await start();
  });

  it('moves cold and by post-copy, and starts units then', { timeout: 300_000 }, async () => {
    const refused = await cluster.godwit('migrate', NAME, 'n2', '--dry-run', '--json');
    const { preflight } = JSON.parse(refused.stdout) as MigrateReply;
    const kind = preflight?.refusals.find(({ code }) => code === 'MOUNT_KIND');
    expect(kind?.message).toContain('ramfs on /run/credentials/systemd-journald.service');
    expect(kind?.hint).toContain('godwit prepare-rootfs NAME --apply');
    expect(await cluster.json<Preparation>('prepare-rootfs', NAME, '--apply')).toMatchObject({
      prepared: true,
      restartNeeded: true,
    });
    expect(await cluster.godwit('stop', NAME, '--timeout', '60s')).toMatchObject({ exitCode: 0 });
    await start();

    const before = await cluster.lab.sh('n1', SHOW);
    expect(before).toContain('from a new unit\nrunning\n');
    const move = async (target: string, mode: string) => {
      const moved = await cluster.json<MigrateResult>('migrate', NAME, target, '--mode', mode);
      expect(moved).toMatchObject({ outcome: 'done', mode });
      await atRest(cluster, NAME);
      expect(await cluster.lab.sh(target, SHOW)).toBe(before);
    };
    await move('n2', 'cold');
    await withUserfaultfd(cluster, () => move('n1', 'postcopy'));
    expect(await cluster.godwit('stop', NAME, '--timeout', '60s')).toMatchObject({ exitCode: 0 });
  });

  async function start(): Promise<void> {
    expect(await cluster.godwit('start', NAME)).toMatchObject({ exitCode: 0 });
    await until('its system runs', 120_000, async () => {
      const args = [
        'exec',
        'n1',
        '--',
        'lxc-attach',
        '-n',
        NAME,
        '--',
        'systemctl',
        'is-system-running',
        '--wait',
      ];
      return (await cluster.lab.run(args)).stdout.trim() === 'running';
    });
  }
});
