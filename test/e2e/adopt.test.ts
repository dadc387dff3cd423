import { expect, it } from 'vitest';
import type { ContainerInfo, MigrateResult } from '../../protocol/mod.ts';
import { atRest } from './support/at-rest.ts';
import { useCluster } from './support/use-lab.ts';

const NAME = 'old';
const cluster = useCluster('ad', { nodes: 2 });

/** As lxc-create and a person write it; common.conf is LXC's own, with device rules, seccomp and dropped capabilities. */
const CONFIG = `# by hand
lxc.include = /usr/share/lxc/config/common.conf
lxc.rootfs.path = dir:/srv/godwit/${NAME}
lxc.arch = linux64
lxc.uts.name = www
lxc.tty.max = 0
lxc.console.path = none
lxc.init.cmd = /init /bin/python3 -I -S -c "import time; time.sleep(1e9)"
lxc.signal.halt = SIGTERM
lxc.environment = GREETING=hello
lxc.prlimit.nofile = 1000
lxc.start.auto = 1
lxc.mount.entry = /srv/godwit/${NAME}.data data none bind,ro,create=dir 0 0
lxc.mount.entry = tmpfs scratch tmpfs size=4m,mode=0755,create=dir 0 0
lxc.net.0.type = veth
lxc.net.0.link = br0
lxc.net.0.flags = up
lxc.net.0.ipv4.address = 10.77.1.99/16
lxc.net.0.ipv4.gateway = 10.77.0.1
`;

/** What the kernel says of the container's first process, one line a fact. */
const SHOW = `
  pid=$(lxc-info -n ${NAME} -pH)
  grep -E '^(CapBnd|CapEff|Seccomp):' /proc/$pid/status
  grep 'Max open files' /proc/$pid/limits
  tr '\\0' '\\n' </proc/$pid/cmdline
  nsenter --target $pid --uts hostname
  nsenter --target $pid --mount cat /data/x /scratch/written
  sed 's/^[0-9]* [0-9]* [0-9:]* //; s/ shared:[0-9]*//' /proc/$pid/mountinfo | grep -E ' /(data|scratch|sys/fs/fuse)' | sort
  nsenter --target $pid --net ip -o link show eth0 | grep -o 'link/ether [0-9a-f:]*'
  nsenter --target $pid --net ip route`;

it('takes over a running container of LXC as it is, and moves it', async () => {
  const { lab } = cluster;
  await lab.run(['rootfs', 'generic', NAME]);
  await lab.sh('n1', `mkdir -p /srv/godwit/${NAME}.data; echo data >/srv/godwit/${NAME}.data/x`);
  await lab.run(['exec', 'n1', '--', 'sh', '-c', 'cat >/tmp/old.conf'], { input: CONFIG });
  await lab.sh(
    'n1',
    `lxc-create -n ${NAME} -t none -f /tmp/old.conf
     lxc-start -n ${NAME} -d </dev/null >/dev/null 2>&1
     lxc-wait -n ${NAME} -s RUNNING -t 10
     echo kept | nsenter --target $(lxc-info -n ${NAME} -pH) --mount sh -c 'cat >/scratch/written'`,
  );
  const before = await lab.sh('n1', SHOW);
  const pid = await lab.sh('n1', `lxc-info -n ${NAME} -pH`);

  const adopted = await cluster.godwit('define', '--from-lxc', NAME, '--node', 'n1');
  expect(adopted).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('lxc.start.auto') });
  const { container, xml } = await cluster.json<ContainerInfo>('inspect', NAME);
  expect(container).toMatchObject({ owner: 'n1', phase: 'running', state: 'running', pid: Number(pid) });
  expect(await lab.sh('n1', SHOW)).toBe(before);
  expect(xml).toContain(`<mac address='${/link\/ether (\S+)/.exec(before)?.[1]}'/>`);
  expect(await lab.sh('n1', `cat /var/lib/lxc/${NAME}/config.before-godwit`)).toContain(CONFIG.trim());
  expect(await cluster.godwit('define', '--from-lxc', NAME, '--node', 'n1')).toMatchObject({ exitCode: 5 });

  for (const [target, mode] of [
    ['n2', 'postcopy'],
    ['n1', 'cold'],
  ] as const) {
    expect(await cluster.json<MigrateResult>('migrate', NAME, target, '--mode', mode)).toMatchObject({
      outcome: 'done',
    });
    await atRest(cluster, NAME);
    expect(await lab.sh(target, SHOW)).toBe(before);
  }

  expect(await cluster.godwit('suspend', NAME)).toMatchObject({ exitCode: 0 });
  expect((await cluster.json<ContainerInfo>('inspect', NAME)).container.state).toBe('frozen');
  expect(await cluster.godwit('resume', NAME)).toMatchObject({ exitCode: 0 });
  expect(await lab.sh('n1', SHOW)).toBe(before);

  // What it is now is what it was: stopped, defined again from its own description, and started, it is the same.
  expect(await cluster.godwit('stop', NAME, '--kill')).toMatchObject({ exitCode: 0 });
  const dumped = await cluster.godwit('dumpxml', NAME);
  const again = await lab.run(['client', '--', 'godwit', 'define', '-', '--node', 'n1'], {
    input: dumped.stdout,
  });
  expect(again).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('unchanged') });
  expect(await cluster.godwit('start', NAME)).toMatchObject({ exitCode: 0 });
  await lab.sh(
    'n1',
    `echo kept | nsenter --target $(lxc-info -n ${NAME} -pH) --mount sh -c 'cat >/scratch/written'`,
  );
  expect(await lab.sh('n1', SHOW)).toBe(before);
});

it('refuses by name and place what would not come through a move, and changes nothing', async () => {
  const { lab } = cluster;
  const config =
    'lxc.rootfs.path = dir:/srv/godwit/no\nlxc.net.0.type = none\nlxc.hook.pre-start = /bin/true\n';
  await lab.run(['exec', 'n1', '--', 'sh', '-c', 'mkdir /var/lib/lxc/no; cat >/var/lib/lxc/no/config'], {
    input: config,
  });
  const refused = await cluster.godwit('define', '--from-lxc', 'no', '--node', 'n1');
  expect(refused.exitCode).toBe(2);
  expect(refused.stderr).toContain('/var/lib/lxc/no/config:2: lxc.net.0.type = none');
  expect(refused.stderr).toContain('/var/lib/lxc/no/config:3: lxc.hook.pre-start = /bin/true');
  expect(await lab.sh('n1', 'cat /var/lib/lxc/no/config; ls /var/lib/lxc/no')).toBe(`${config}config`);
  expect(await cluster.godwit('define', '--from-lxc', 'nowhere', '--node', 'n1')).toMatchObject({
    exitCode: 3,
  });
});
