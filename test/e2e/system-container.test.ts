import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { MigrateReply, MigrateResult, Preparation } from '../../protocol/mod.ts';
import { compiled } from './support/checkout.ts';
import { type Dialogue, SshUser, systemDomain } from './support/system-container.ts';
import { until } from './support/until.ts';
import { useCluster } from './support/use-lab.ts';

const NAME = 'debian';
const ADDRESS = '10.77.1.60';
const ROOT = `/srv/godwit/${NAME}`;
/** There and back; more by hand: GODWIT_SYSTEM_MOVES=10. */
const MOVES = Number(process.env.GODWIT_SYSTEM_MOVES ?? 2);
/** How often its connections are used; in a virtual machine they are half of its work. */
const EVERY_MS = Number(process.env.GODWIT_SYSTEM_EVERY_MS ?? 100);
/** Somebody who never logs in. */
const USER = 'anna';
const AS_USER = `runuser -u ${USER} -- env XDG_RUNTIME_DIR=/run/user/1000`;
/** Of a service that systemd kills when it does not hear of it for so long; three minutes of its own would be long for a test. */
const WATCHDOG_SECONDS = 30;
const cluster = useCluster('sys', { nodes: 2 });

/**
 * What of its own a container has: a timer, a service that comes back, one with limits, one with mounts of its own, one that may
 * open few devices, a job of cron, a shell that looks like a manager, a user whose manager runs a unit without a login, a network of
 * networkd's, and timesyncd, which systemd starts in no container by itself. It has nobody to ask: the clock is the machine's.
 */
const OWN = `
cat >${ROOT}/etc/systemd/system/tick.service <<'UNIT'
[Unit]
StartLimitIntervalSec=0
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo >>/run/ticks'
UNIT
cat >${ROOT}/etc/systemd/system/tick.timer <<'UNIT'
[Timer]
OnActiveSec=1s
OnUnitActiveSec=1s
AccuracySec=100ms
[Install]
WantedBy=timers.target
UNIT
cat >${ROOT}/etc/systemd/system/guarded.service <<'UNIT'
[Service]
ExecStart=/bin/sleep infinity
Restart=always
RestartSec=0
[Install]
WantedBy=multi-user.target
UNIT
mkdir -p ${ROOT}/etc/systemd/system/systemd-logind.service.d
cat >${ROOT}/etc/systemd/system/systemd-logind.service.d/70-watched.conf <<'UNIT'
[Service]
WatchdogSec=${WATCHDOG_SECONDS}
UNIT
cat >${ROOT}/etc/systemd/system/limited.service <<'UNIT'
[Service]
ExecStart=/bin/sleep infinity
MemoryMax=64M
TasksMax=33
CPUQuota=40%
[Install]
WantedBy=multi-user.target
UNIT
cat >${ROOT}/etc/systemd/system/closed.service <<'UNIT'
[Service]
ExecStart=/bin/sleep infinity
[Install]
WantedBy=multi-user.target
UNIT
mkdir -p ${ROOT}/etc/systemd/system/closed.service.d ${ROOT}/etc/systemd/system/systemd-timesyncd.service.d
# In cgroup v2 it would be a BPF program, which criu does not dump.
[ ! -d /sys/fs/cgroup/devices ] || cat >${ROOT}/etc/systemd/system/closed.service.d/70-own.conf <<'UNIT'
[Service]
DevicePolicy=closed
DeviceAllow=/dev/null rw
UNIT
cat >${ROOT}/etc/systemd/system/systemd-timesyncd.service.d/70-own.conf <<'UNIT'
[Unit]
ConditionVirtualization=
UNIT
mkdir -p ${ROOT}/etc/systemd/timesyncd.conf.d
cat >${ROOT}/etc/systemd/timesyncd.conf.d/50-nobody.conf <<'CONF'
[Time]
NTP=
FallbackNTP=
CONF
cat >${ROOT}/etc/systemd/network/10-eth0.network <<'UNIT'
[Match]
Name=eth0
[Network]
Address=${ADDRESS}/16
Gateway=10.77.0.1
UNIT
cat >${ROOT}/etc/systemd/network/20-eth1.network <<'UNIT'
[Match]
Name=eth1
[Network]
DHCP=ipv4
[DHCPv4]
UseGateway=no
UNIT
echo '${USER}:x:1000:1000::/home/${USER}:/bin/bash' >>${ROOT}/etc/passwd
echo '${USER}:*:20000:0:99999:7:::' >>${ROOT}/etc/shadow
echo '${USER}:x:1000:' >>${ROOT}/etc/group
mkdir -p ${ROOT}/var/lib/systemd/linger ${ROOT}/home/${USER}/.config/systemd/user/default.target.wants
touch ${ROOT}/var/lib/systemd/linger/${USER}
cat >${ROOT}/home/${USER}/.config/systemd/user/count.service <<'UNIT'
[Service]
ExecStart=/bin/sh -c 'while :; do i=$$((i+1)); echo $$i >%t/count; sleep 0.2; done'
UNIT
ln -s ../count.service ${ROOT}/home/${USER}/.config/systemd/user/default.target.wants
chown -R 1000:1000 ${ROOT}/home/${USER}
for unit in timers.target.wants/tick.timer multi-user.target.wants/guarded.service \
  multi-user.target.wants/limited.service multi-user.target.wants/closed.service; do
  mkdir -p ${ROOT}/etc/systemd/system/\${unit%/*}
  ln -s ../\${unit#*/} ${ROOT}/etc/systemd/system/$unit
done
ln -s /usr/lib/systemd/system/systemd-networkd.service ${ROOT}/etc/systemd/system/multi-user.target.wants
echo '* * * * * root echo >>/run/cron-ticks' >${ROOT}/etc/cron.d/tick
cp ${ROOT}/bin/sh ${ROOT}/usr/local/bin/systemd-spin
cat >${ROOT}/etc/nginx/conf.d/patient.conf <<'CONF'
# It counts a standstill as time in which nobody asked.
keepalive_timeout 1h;
keepalive_requests 1000000;
CONF
mkdir -p ${ROOT}/root/.ssh && chmod 700 ${ROOT}/root/.ssh`;

/** Of the network's DHCP server, which is on the first node. */
const LEASES = `
cat >/run/udhcpd.conf <<'CONF'
start 10.77.9.1
end 10.77.9.9
interface br0
pidfile /run/udhcpd.pid
lease_file /run/udhcpd.leases
option subnet 255.255.0.0
option dns 10.77.0.11
option lease 3600
CONF
touch /run/udhcpd.leases`;

const LEASE_LEFT = `ip -4 addr show dev eth1 | sed -n 's/.*valid_lft \\([0-9]*\\)sec.*/\\1/p'`;

/** What must be the same after each move, one line a fact. */
const FACTS = `
systemctl is-system-running
systemctl --failed --no-legend
systemctl show -P Id -P NRestarts systemd-logind systemd-journald systemd-networkd systemd-resolved dbus
ps -o pid,args 1
networkctl list eth0 eth1 --no-legend
ip -4 -br addr show dev eth1 | sed 's/@[^ ]*//; s/  */ /g'
resolvectl dns eth1
resolvectl query --legend=no localhost; getent ahostsv4 localhost | head -1
ip -4 -o addr show dev eth0; ip route
systemctl show -P ActiveState -P MainPID systemd-timesyncd closed
busctl get-property org.freedesktop.timesync1 /org/freedesktop/timesync1 org.freedesktop.timesync1.Manager FallbackNTPServers
find /sys/fs/cgroup -path '*/closed.service/devices.list' -exec cat {} ';'
systemctl show -P MemoryMax -P TasksMax limited
find /sys/fs/cgroup -path '*/limited.service/*' \\( -name 'memory.limit_in_bytes' -o -name memory.max -o -name pids.max \\) |
  sort | while read -r file; do echo "$file $(cat $file)"; done
${AS_USER} systemctl --user is-system-running
${AS_USER} systemctl --user is-active count`;

describe('a Debian container with systemd', () => {
  let user: SshUser;
  let session: Dialogue;
  let web: ChildProcess;
  let leases: ChildProcess;
  const replies: string[] = [];
  let failed = '';
  /** The session's number in the container. */
  let login = '';

  beforeAll(async () => {
    const { lab } = cluster;
    expect(await lab.run(['rootfs', 'system', NAME])).toMatchObject({ exitCode: 0 });
    await lab.sh('n1', OWN);
    user = await SshUser.create(lab, ADDRESS);
    await lab.sh('n1', `echo '${await user.publicKey()}' >${ROOT}/root/.ssh/authorized_keys`);
    const defined = await lab.run(['client', '--', 'godwit', 'define', '-', '--node', 'n1'], {
      input: systemDomain(NAME, ADDRESS),
    });
    expect(defined).toMatchObject({ exitCode: 0 });
    await lab.sh('n1', LEASES);
    leases = lab.start(['exec', 'n1', '--', 'busybox', 'udhcpd', '-f', '/run/udhcpd.conf']);
    leases.stdout?.resume();
    expect(await cluster.godwit('start', NAME)).toMatchObject({ exitCode: 0 });
    await user.reachable();
  });
  afterAll(async () => {
    session?.end();
    web?.kill();
    leases?.kill();
    await user?.close();
  });

  it('is refused as it comes, with the command that helps', async () => {
    await user.run('systemctl is-system-running --wait');
    const refused = await cluster.godwit('migrate', NAME, 'n2', '--dry-run', '--json');
    expect(refused.exitCode).toBe(8);
    const { preflight } = JSON.parse(refused.stdout) as MigrateReply;
    const hints = new Map(preflight?.refusals.map(({ code, hint }) => [code, hint]));
    for (const code of [
      'NAMESPACE_NESTED',
      'USER_MANAGER',
      'WATCHDOG_UNHEARD',
      'ANON_INODE',
      'MOUNT_SHARING',
      'MOUNT_WITHOUT_ROOT',
    ])
      expect(hints.get(code), code).toContain('godwit prepare-rootfs NAME --apply');

    const checked = await cluster.godwit('prepare-rootfs', NAME, '--json');
    expect(checked.exitCode).toBe(8);
    const { files } = JSON.parse(checked.stdout) as Preparation;
    expect(new Set(files.map(({ state }) => state))).toEqual(new Set(['missing']));
    expect(await cluster.json<Preparation>('prepare-rootfs', NAME, '--apply')).toMatchObject({
      prepared: true,
      restartNeeded: true,
    });
    expect(await cluster.json<Preparation>('prepare-rootfs', NAME)).toMatchObject({ restartNeeded: false });
    expect(await cluster.godwit('stop', NAME, '--timeout', '60s')).toMatchObject({ exitCode: 0 });
    expect(await cluster.godwit('start', NAME)).toMatchObject({ exitCode: 0 });
    await user.reachable();
  });

  it(`keeps its logins, connections and services in ${MOVES} moves`, {
    timeout: 300_000 + MOVES * 60_000,
  }, async () => {
    session = user.session(EVERY_MS);
    web = cluster.lab.start([
      'client',
      '--',
      'node',
      compiled('test/e2e/workloads/keep-alive/main.ts'),
      ADDRESS,
      String(EVERY_MS),
    ]);
    if (web.stdout) createInterface(web.stdout).on('line', (line) => replies.push(line));
    web.stderr?.setEncoding('utf8').on('data', (words: string) => {
      failed += words;
    });
    web.once('exit', (code) => {
      failed += `the web client ended with ${code} after ${replies.length} replies`;
    });
    await session.goesOn();
    await user.run('systemctl is-system-running --wait');
    login = await user.run(`loginctl --no-legend list-sessions | awk 'NR == 1 { print $1 }'`);
    await until(
      () => `web replies ${failed}`,
      120_000,
      () => replies.length > 5,
    );
    const before = await user.run(FACTS);
    expect(before.split('\n')[0]).toBe('running');
    expect(before).toMatch(/eth0 +ether +routable +configured/);
    expect(before).toMatch(/eth1 +ether +routable +configured/);
    expect(before).toMatch(/eth1 +UP +10\.77\.9\.\d+\/16/);
    expect(before).toMatch(/Link \d+ \(eth1\): 10\.77\.0\.11/);
    expect(before).toMatch(/\n[1-9]\d*\nactive\n\n[1-9]\d*\nactive\nas 0\n/);
    if (existsSync('/sys/fs/cgroup/devices'))
      expect(before).toMatch(/\nc 1:3 rwm\nc 1:5 rwm\n(.*\n)*c 136:\* rw\n/);
    expect(before).toMatch(/memory\.(max|limit_in_bytes) 67108864\n.*pids\.max 33\nrunning\nactive$/s);
    const counted = async () => Number(await user.run('cat /run/user/1000/count'));

    for (let move = 0; move < MOVES; move++) {
      const target = move % 2 === 0 ? 'n2' : 'n1';
      const modes = ['cold', 'postcopy'];
      const mode = String(modes[Math.floor(move / 2 + move) % 2]);
      const count = await counted();
      const moved = await cluster.json<MigrateResult>('migrate', NAME, target, '--mode', mode);
      expect(moved.outcome).toBe('done');
      await session.goesOn();
      const seen = replies.length;
      await until(
        () => `web replies ${failed}`,
        60_000,
        () => failed === '' && replies.length > seen + 3,
      );
      await until("the user's unit counts on", 60_000, async () => (await counted()) > count + 3);
      let against = '';
      const mayMoveOn = async () => {
        const back = target === 'n1' ? 'n2' : 'n1';
        const { exitCode, stdout, stderr } = await cluster.godwit('migrate', NAME, back, '--dry-run');
        against = `${exitCode}: ${stderr}${stdout}`;
        return exitCode === 0;
      };
      await until(
        () => `move ${move + 1} is over, and the next one may begin: ${against}`,
        120_000,
        mayMoveOn,
      );
    }
    const [port = ''] = replies[0]?.split(' ') ?? [];
    expect(replies).toEqual(replies.map((_line, index) => `${port} ${index + 1}`));
    expect(await user.run(FACTS)).toBe(before);
    expect(failed).toBe('');
  });

  it('still is a whole system: timers, cron, supervision, journal, logins', {
    timeout: 300_000,
  }, async () => {
    const lines = async (file: string) => Number(await user.run(`wc -l <${file} || echo 0`));
    const ticks = await lines('/run/ticks');
    const crons = await lines('/run/cron-ticks');
    await until('the timer ticks', 60_000, async () => (await lines('/run/ticks')) > ticks + 1);
    const guarded = await user.run('systemctl show -P MainPID guarded');
    await user.run(`kill -KILL ${guarded}`);
    await until('the service comes back', 60_000, async () => {
      return !['0', guarded].includes(await user.run('systemctl show -P MainPID guarded'));
    });
    expect(await user.run('systemd-run --quiet --wait --pipe echo from a new unit')).toBe('from a new unit');
    await user.run(`${AS_USER} systemctl --user restart count`);
    await user.run(
      'logger -t traveller a new line; systemctl restart cron; systemctl daemon-reload; nginx -s reload',
    );
    expect(await user.run('journalctl --sync; journalctl -t traveller -o cat')).toBe('a new line');
    expect(await user.run(`loginctl show-session -P State ${login}`)).toBe('active');
    await session.goesOn();
    // A service that was restored has to be heard by its init as one that was started.
    const told = () => user.run('systemctl show -P WatchdogTimestampMonotonic systemd-logind');
    const before = await told();
    await until('init hears logind', WATCHDOG_SECONDS * 4_000, async () => (await told()) !== before);
    expect(await user.run('systemctl show -P NRestarts systemd-logind')).toBe('0');
    const leftSeconds = async () => Number(await user.run(LEASE_LEFT));
    const left = await leftSeconds();
    await user.run('networkctl renew eth1');
    await until('its lease is renewed', 60_000, async () => (await leftSeconds()) > left);
    await until('cron ticks', 120_000, async () => (await lines('/run/cron-ticks')) > crons);
  });

  it('tells of a move after which a process of systemd spins, and only of that', {
    timeout: 300_000,
  }, async () => {
    const jobs = await cluster.json<{ items: { job: string; warnings?: string[] }[] }>('job', 'ls');
    expect(jobs.items.flatMap(({ warnings = [] }) => warnings)).toEqual([]);
    await user.run(`systemd-run --quiet --unit=spin /usr/local/bin/systemd-spin -c 'while :; do :; done'`);
    try {
      const [target, away] =
        (await cluster.json<{ container: { owner: string } }>('inspect', NAME)).container.owner === 'n1'
          ? ['n2', 'n1']
          : ['n1', 'n2'];
      expect(away).not.toBe(target);
      const { job } = await cluster.json<MigrateResult>('migrate', NAME, String(target), '--mode', 'cold');
      await until('the warning', 60_000, async () => {
        const { warnings = [] } = await cluster.json<{ warnings?: string[] }>('job', 'show', job);
        return warnings.some((text) => text.includes('systemd-spin'));
      });
      const shown = await cluster.godwit('job', 'show', job);
      expect(shown.stdout).toMatch(/^warning: debian is busy where it should wait: systemd-spin /m);
    } finally {
      await user.run('systemctl stop spin');
    }
  });
});
