import { createHash } from 'node:crypto';
import { beforeAll, expect, it } from 'vitest';
import type { Job } from '../../protocol/mod.ts';
import { startContainer } from './support/containers.ts';
import { networkLocks } from './support/node-state.ts';
import { startContainer as startForeign } from './support/scripts.ts';
import { until } from './support/until.ts';
import { useCluster } from './support/use-lab.ts';

const cluster = useCluster('sw', { nodes: 1 });
const sh = (script: string) => cluster.lab.sh('n1', script);
const locksOf = (container: string) => networkLocks(cluster, 'n1', container);
const address = (host: number) => `10.77.1.${host}`;

/** Moved once, and is gone: what is under its name is left over. */
const GONE = 'gone';
const VETH = `gw${createHash('sha256').update(GONE).digest('hex').slice(0, 9)}n0`;
const JOB = 'a1b2c3d4e5f6a7b8c9d0e1';
const DIR = `/run/godwit/jobs/${JOB}/target`;

/** What is planted of a dead move, by its kind. */
const LEFT = [
  ['image tmpfs mounts', `${DIR}/tmpfs tmpfs`],
  ['page-servers', `criu page-server .*${JOB}`],
  ['lazy daemons', `criu lazy-pages .*${JOB}`],
  ['job directories', `^/run/godwit/jobs/${JOB}$`],
  ['commands of the dead agent', 'lxc-attach|while true'],
  ['veths', `${VETH}|half0`],
  ['cgroups', `lxc.(payload|monitor).${GONE}`],
] as const;
const FOREIGN_THINGS = 'tail -F|/run/foreign/(tmpfs|images|wait)|other[01]|CRIUS|lxc.payload.(stranger|c1)$';
const BOTH_LOCKS = /CRIU-a76[\s\S]*-A CRIU -j DROP/;

/** As the agent sees them they come before the one whose lock goes: when that is gone, they have been looked at. */
const FROZEN = 'a-frozen';
const DUMPED = 'b-dumped';
const LOCKED = 'z-locked';
/** In LXC alone. */
const UNMANAGED = 'c1';

/** Both kinds of lock as criu makes them, beside rules that are the container's own. */
const lock = (container: string) => `
  nsenter --net=/proc/$(lxc-info -n ${container} -pH)/ns/net -- sh -euc '
    nft add table inet CRIU-a761695c-5c9e-4ca5-9f
    nft add chain inet CRIU-a761695c-5c9e-4ca5-9f input "{ type filter hook input priority filter; policy drop; }"
    nft add rule inet CRIU-a761695c-5c9e-4ca5-9f input meta mark 0xc114 accept
    nft add table inet firewall
    nft add chain inet firewall input "{ type filter hook input priority filter; policy accept; }"
    printf "*filter\\n:CRIU - [0:0]\\n:OWN - [0:0]\\n-A INPUT -j OWN\\n-A INPUT -j CRIU\\n-A OUTPUT -j CRIU\\n-A CRIU -m mark --mark 0xc114 -j ACCEPT\\n-A CRIU -j DROP\\nCOMMIT\\n" |
      iptables-restore --noflush'`;

/** What a killed agent leaves of a move that has no notes, and what it began for others. */
const PLANT = `
  mkdir -p ${DIR}/tmpfs
  mount -t tmpfs -o size=16m godwit ${DIR}/tmpfs
  mkdir ${DIR}/tmpfs/images ${DIR}/lazy
  mkfifo ${DIR}/lazy/inventory.img
  away() { setsid "$@" </dev/null >/dev/null 2>&1 & }
  away criu page-server --images-dir ${DIR}/tmpfs/images --log-file ${DIR}/pages.log --address 127.0.0.1 --port 7997
  away criu lazy-pages --images-dir ${DIR}/lazy --log-file ${DIR}/lazy.log --page-server --address 127.0.0.1 --port 7998
  away lxc-attach -n ${LOCKED} -o /run/godwit/lxc-attach-1.log -- /bin/sh -c 'while true; do sleep 1; done'
  ip link add ${VETH} type veth peer name half0
  for root in $(find /sys/fs/cgroup -maxdepth 1 -mindepth 1 -type d) /sys/fs/cgroup; do
    [ -e $root/cgroup.procs ] || continue
    mkdir -p $root/lxc.payload.${GONE}/inner $root/lxc.monitor.${GONE} $root/lxc.payload.stranger
  done`;

/** The same kinds of things, made by somebody else. */
const FOREIGN = `
  mkdir -p /run/foreign/tmpfs /run/foreign/images
  mount -t tmpfs -o size=16m godwit /run/foreign/tmpfs
  setsid criu page-server --images-dir /run/foreign/images --log-file /run/foreign/log --address 127.0.0.1 --port 7999 \
    </dev/null >/dev/null 2>&1 &
  setsid tail -F ${DIR}/pages.log </dev/null >/dev/null 2>&1 &
  ip link add other0 type veth peer name other1
  nft add table inet CRIUS-1`;

/** A dump by an operator that waits before it holds anything; its criu is the last word of the script. */
const DUMP = `
  mkdir -p /run/foreign/dump
  cat >/run/foreign/wait <<'SCRIPT'
#!/bin/sh
[ "$CRTOOLS_SCRIPT_ACTION" != pre-dump ] || exec sleep 1000
SCRIPT
  chmod 755 /run/foreign/wait
  setsid criu dump -t $(lxc-info -n ${DUMPED} -pH) --images-dir /run/foreign/dump --log-file /run/foreign/dump.log \
    --action-script /run/foreign/wait </dev/null >/dev/null 2>&1 &
  echo $!`;

/** A line for each thing there is whose name or command matches. */
async function seen(pattern: string): Promise<string[]> {
  const text = await sh(`
    { ls -d /run/godwit/jobs/*; ls /run/godwit /sys/class/net; cut -d' ' -f2,3 /proc/mounts
      find /sys/fs/cgroup -maxdepth 2 -type d -name 'lxc.*'; nft list tables
      for dir in /proc/[0-9]*; do
        [ ! -e $dir/exe ] || [ $dir = /proc/$$ ] || tr '\\0' ' ' <$dir/cmdline; echo
      done; } 2>/dev/null | grep -E -- '${pattern}' | grep -v grep || :`);
  return text === '' ? [] : text.split('\n');
}

let before: readonly string[] = [];
/** The criu of the operator's dump. */
let dump = '';

const foreign = async () => (await seen(FOREIGN_THINGS)).sort();
const startAgent = async () =>
  expect(await cluster.lab.run(['agent', 'n1', 'start'])).toMatchObject({ exitCode: 0 });
const stopAgent = async () =>
  expect(await cluster.lab.run(['agent', 'n1', 'stop'])).toMatchObject({ exitCode: 0 });

beforeAll(async () => {
  for (const [index, name] of [FROZEN, DUMPED, GONE, LOCKED].entries())
    await startContainer(cluster, 'n1', 'generic', { name, address: address(70 + index), memoryMib: 64 });
  // A move that cannot be, the job of which stays; then the container goes.
  await cluster.godwit('migrate', GONE, 'n9');
  const { items } = await cluster.json<{ items: Job[] }>('job', 'ls');
  expect(items).toMatchObject([{ container: GONE, state: 'ended' }]);
  expect(await cluster.godwit('stop', GONE, '--kill')).toMatchObject({ exitCode: 0 });
  expect(await cluster.godwit('undefine', GONE)).toMatchObject({ exitCode: 0 });
  await cluster.lab.run(['rootfs', 'generic', UNMANAGED]);
  await sh(startForeign);

  await stopAgent();
  await sh(`lxc-freeze -n ${FROZEN}`);
  for (const container of [FROZEN, DUMPED, LOCKED, UNMANAGED]) await sh(lock(container));
  await sh(PLANT);
  await sh(FOREIGN);
  dump = await sh(DUMP);
  for (const [what, pattern] of LEFT)
    await until(`${what} are there`, 30_000, async () => (await seen(pattern)).length > 0);
  await until('the dump waits', 30_000, async () => (await seen('sleep 1000')).length > 0);
  before = await foreign();
  for (const container of [FROZEN, DUMPED, LOCKED, UNMANAGED])
    expect(await locksOf(container), container).toMatch(BOTH_LOCKS);
  await startAgent();
});

it.each(LEFT)('%s are swept', async (what, pattern) => {
  let rest: string[] = [];
  await until(
    () => `${what} are left: ${rest.join('\n')}`,
    60_000,
    async () => {
      rest = await seen(pattern);
      return rest.length === 0;
    },
  );
});

/** The last thing that the agent does for what it finds. */
const unlocked = () =>
  until('the lock of a killed criu is gone', 60_000, async () => (await locksOf(LOCKED)) === '');

it('a container that nothing works on gets its network back, and keeps its own rules', async () => {
  await unlocked();
  const inside = (tool: string) => `nsenter --net=/proc/$(lxc-info -n ${LOCKED} -pH)/ns/net -- ${tool}`;
  expect(await sh(inside('nft list tables'))).toContain('table inet firewall');
  expect(await sh(inside('iptables-save'))).toContain('-A INPUT -j OWN');
  await sh(`ping -c 1 -W 5 ${address(73)}`);
});

it('what others made stays', async () => {
  await unlocked();
  for (const thing of [
    /tail -F/,
    /foreign\/tmpfs/,
    /page-server/,
    /criu dump/,
    /other0/,
    /CRIUS-1/,
    /payload.stranger/,
  ])
    expect(before).toContainEqual(expect.stringMatching(thing));
  expect(await foreign()).toEqual(before);
});

it('a lock stays where a criu works, where tasks stand still, and on what is not ours', async () => {
  await unlocked();
  for (const container of [FROZEN, DUMPED, UNMANAGED])
    expect(await locksOf(container), container).toMatch(BOTH_LOCKS);

  // Now nobody has reasons any more.
  await stopAgent();
  await sh(`lxc-unfreeze -n ${FROZEN}; kill -KILL ${dump}`);
  await until('no criu dumps', 20_000, async () => (await seen('criu dump')).length === 0);
  await startAgent();
  for (const container of [FROZEN, DUMPED])
    await until(`${container} is unlocked`, 60_000, async () => (await locksOf(container)) === '');
  expect(await locksOf(UNMANAGED)).toMatch(BOTH_LOCKS);
});
