import { expect, it } from 'vitest';
import type { ContainerInfo, MigrateResult } from '../../protocol/mod.ts';
import { atRest } from './support/at-rest.ts';
import { useCluster } from './support/use-lab.ts';

const NAME = 'settings';
const ROOT = `/srv/godwit/${NAME}`;
const cluster = useCluster('set', { nodes: 2 });

/** One of nearly everything that domain XML can say of a container. */
const DOMAIN = `<domain type='lxc'>
  <name>${NAME}</name>
  <memory unit='MiB'>256</memory>
  <currentMemory unit='MiB'>192</currentMemory>
  <memtune>
    <hard_limit unit='MiB'>160</hard_limit>
    <soft_limit unit='MiB'>96</soft_limit>
    <swap_hard_limit unit='MiB'>256</swap_hard_limit>
  </memtune>
  <vcpu cpuset='1'>1</vcpu>
  <cputune><shares>512</shares><period>50000</period><quota>20000</quota></cputune>
  <numatune><memory mode='strict' nodeset='0'/></numatune>
  <blkiotune>
    <device>
      <path>/dev/disk0</path>
      <read_bytes_sec>10485760</read_bytes_sec>
      <write_iops_sec>500</write_iops_sec>
    </device>
  </blkiotune>
  <os>
    <type>exe</type>
    <init>/init</init>
    <initarg>/bin/tail</initarg><initarg>-f</initarg><initarg>/dev/null</initarg>
    <initenv name='GREETING'> hello = "world" </initenv>
    <initdir>/data</initdir>
    <inituser>1000</inituser><initgroup>1001</initgroup>
  </os>
  <features><capabilities><mknod state='on'/><net_raw state='off'/></capabilities></features>
  <metadata>
    <g:settings xmlns:g='https://godwit.dev/xmlns/domain/1'>
      <g:lxc>
        <g:set key='lxc.uts.name' value='www'/>
        <g:set key='lxc.prlimit.nofile' value='1000:2000'/>
        <g:set key='lxc.prlimit.core' value='0'/>
        <g:set key='lxc.proc.oom_score_adj' value='77'/>
        <g:set key='lxc.seccomp.profile' value='/usr/share/lxc/config/common.seccomp'/>
        <g:set key='lxc.cgroup.pids.max' value='77'/>
        <g:set key='lxc.cgroup2.pids.max' value='77'/>
        <g:set key='lxc.cgroup.devices.deny' value='c 10:229 rw'/>
        <g:set key='lxc.cgroup2.devices.allow' value='a'/>
        <g:set key='lxc.cgroup2.devices.deny' value='c 10:229 rw'/>
      </g:lxc>
    </g:settings>
  </metadata>
  <devices>
    <filesystem><source dir='${ROOT}'/><target dir='/'/></filesystem>
    <filesystem><source dir='${ROOT}.data'/><target dir='/mnt/read only'/><readonly/></filesystem>
    <filesystem><source dir='${ROOT}.conf'/><target dir='/etc/one.conf'/></filesystem>
    <filesystem type='bind'><source dir='/opt/inner'/><target dir='/mnt/inner'/></filesystem>
    <filesystem type='ram'><source usage='4096' units='KiB'/><target dir='/scratch'/></filesystem>
    <interface type='network'>
      <source network='lan'/>
      <mac address='52:54:00:5e:00:01'/>
      <guest dev='lan0'/>
      <mtu size='1400'/>
      <ip address='10.77.1.90' prefix='16'/>
      <ip address='10.77.1.91' prefix='16'/>
      <ip address='fd77::90' prefix='64'/>
      <route address='0.0.0.0' gateway='10.77.0.1'/>
      <route address='192.168.7.0' prefix='24' gateway='10.77.0.1' metric='5'/>
      <route address='2001:db8::' prefix='32' gateway='fd77::1'/>
    </interface>
    <interface type='bridge'>
      <source bridge='br0'/>
      <guest dev='idle0'/>
      <link state='down'/>
    </interface>
    <console type='pty'/>
    <hostdev mode='capabilities' type='misc'><source><char>/dev/fuse</char></source></hostdev>
  </devices>
</domain>`;

/** What the kernel says of the container on a node, one line a fact, without what numbers mounts and interfaces. */
const SHOW = `
  pid=$(lxc-info -n ${NAME} -pH)
  inside() { nsenter --target $pid "$@"; }
  grep -E '^(Uid|Gid|Groups|Cap[A-Z][a-z]*|NoNewPrivs|Seccomp|Cpus_allowed_list|Mems_allowed_list):' /proc/$pid/status
  cat /proc/$pid/limits
  echo "oom $(cat /proc/$pid/oom_score_adj)"
  echo "cwd $(readlink /proc/$pid/cwd), host name $(inside --uts hostname)"
  tr '\\0' '\\n' </proc/$pid/cmdline | sed 's/^/argv /'
  tr '\\0' '\\n' </proc/$pid/environ | grep GREETING
  sed 's/^[0-9]* [0-9]* [0-9:]* //; s/ shared:[0-9]*//' /proc/$pid/mountinfo |
    grep -E ' /(mnt/|scratch|etc/one|dev/fuse)' | sort
  inside --mount sh -c 'cat "/mnt/read only/x" /etc/one.conf /mnt/inner/f /scratch/written /dev/shm/written
    echo no 2>&1 >"/mnt/read only/y" || echo cannot write; ls -l /dev/fuse' 2>&1 | sed 's/^sh: [^:]*:/sh:/'
  lxc-attach -n ${NAME} -- sh -c 'true </dev/fuse && echo opened' 2>&1 | sed 's/^.*fuse/fuse/'
  inside --net ip -o link | sed 's/^[0-9]*: //; s/@if[0-9]*//; s/link-netnsid.*//'
  inside --net ip -o addr | sed 's/^[0-9]*: //; s/ tentative//'
  inside --net ip route
  inside --net ip -6 route
  while IFS=: read -r _ controllers path; do
    case $controllers in
      memory) files='memory.limit_in_bytes memory.soft_limit_in_bytes memory.memsw.limit_in_bytes' ;;
      *cpu) files='cpu.shares cpu.cfs_quota_us cpu.cfs_period_us' ;;
      cpuset) files='cpuset.cpus cpuset.mems' ;;
      blkio) files='blkio.throttle.read_bps_device blkio.throttle.write_iops_device' ;;
      pids) files=pids.max ;;
      '') [ -e /sys/fs/cgroup/memory ] && continue
        controllers=. files='memory.max memory.high memory.swap.max cpu.max cpu.weight cpuset.cpus io.max pids.max' ;;
      *) continue ;;
    esac
    for file in $files; do echo "$file $(cat /sys/fs/cgroup/$controllers$path/$file)"; done
  done </proc/$pid/cgroup | sort`;

/** Which of the node's pseudo terminals is the container's console. */
const CONSOLE = `sed -n 's,.* \\(/[0-9]*\\) /dev/console .*,\\1,p' /proc/$(lxc-info -n ${NAME} -pH)/mountinfo`;

it('starts with all its settings, and the kernel shows the same after a move in either way', async () => {
  const { lab } = cluster;
  await lab.run(['rootfs', 'generic', NAME]);
  await lab.sh(
    'n1',
    `mkdir -p ${ROOT}.data ${ROOT}/opt/inner
     echo outside >${ROOT}.data/x; echo file >${ROOT}.conf; echo inside >${ROOT}/opt/inner/f`,
  );
  for (const node of ['n1', 'n2']) {
    await lab.sh(
      node,
      `for disk in /sys/class/block/*; do
         [ ! -e $disk/partition ] && [ $(cat $disk/size) -gt 0 ] && break
       done
       mknod /dev/disk0 b $(tr : ' ' <$disk/dev)`,
    );
  }
  const defined = await lab.run(['client', '--', 'godwit', 'define', '-', '--node', 'n1'], { input: DOMAIN });
  expect(defined).toMatchObject({ exitCode: 0 });
  expect(await cluster.godwit('start', NAME)).toMatchObject({ exitCode: 0 });
  await lab.sh(
    'n1',
    `nsenter --target $(lxc-info -n ${NAME} -pH) --mount sh -c 'mkdir -p /dev/shm; echo kept >/scratch/written; echo shared >/dev/shm/written'`,
  );

  // What a unit with DeviceAllow= makes: rules about all devices cannot be written above it any more.
  await lab.sh(
    'n1',
    `! cd /sys/fs/cgroup/devices/lxc.payload.${NAME} 2>/dev/null || { mkdir unit; echo 'c 1:9 rwm' >unit/devices.deny; }`,
  );

  // Somebody's terminal, which must not become the container's console there.
  await lab.sh(
    'n2',
    `script -qfc 'sleep 600' /dev/null </dev/null >/dev/null 2>&1 & until [ -e /dev/pts/0 ]; do :; done`,
  );

  const started = await lab.sh('n1', SHOW);
  for (const fact of FACTS) expect(started).toContain(fact);
  const { limits } = await cluster.json<ContainerInfo>('inspect', NAME);
  for (const [target, mode] of [
    ['n2', 'postcopy'],
    ['n1', 'cold'],
  ] as const) {
    expect(await cluster.json<MigrateResult>('migrate', NAME, target, '--mode', mode)).toMatchObject({
      outcome: 'done',
    });
    await atRest(cluster, NAME);
    expect(await lab.sh(target, SHOW)).toBe(started);
    expect(await lab.sh(target, CONSOLE)).toBe(target === 'n2' ? '/1' : '/0');
    expect((await cluster.json<ContainerInfo>('inspect', NAME)).limits).toEqual(limits);
  }
});

/** What stands in the document, in the kernel's words. */
const FACTS = [
  'Cpus_allowed_list:\t1',
  'Mems_allowed_list:\t0',
  'Max open files            1000                 2000',
  'cwd /data, host name www',
  'argv /dev/null',
  'GREETING= hello = "world" ',
  '/mnt/read\\040only ro,',
  '/opt/inner /mnt/inner rw,',
  'tmpfs rw,size=4096k',
  'outside\nfile\ninside\nkept\nshared\n',
  'Uid:\t1000\t1000\t1000\t1000',
  'Gid:\t1001\t1001\t1001\t1001',
  'Seccomp:\t2',
  'oom 77',
  'cannot write',
  '10, 229',
  'fuse: Operation not permitted',
  'mtu 1400',
  'link/ether 52:54:00:5e:00:01',
  'idle0: <BROADCAST,MULTICAST> ',
  'inet 10.77.1.90/16',
  'inet 10.77.1.91/16',
  'inet6 fd77::90/64',
  'default via 10.77.0.1 dev lan0',
  '192.168.7.0/24 via 10.77.0.1 dev lan0 metric 5',
  '2001:db8::/32 via fd77::1 dev lan0',
  'pids.max 77',
];
