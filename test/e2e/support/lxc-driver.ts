/**
 * Runs inside a lab node (`node dist/test/e2e/support/lxc-driver.js SCENARIO ROOT`) and drives the real classes against
 * real LXC and CRIU there. Prints what it saw as one JSON document; the test outside asserts.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../../agent/effects/system-clock.ts';
import { createRunner } from '../../../agent/effects/system-runner.ts';
import { announceAddresses } from '../../../agent/host/announce.ts';
import { freezeCgroup, isFrozen, killCgroup, thawCgroup } from '../../../agent/host/freeze.ts';
import { clearNetworkLock } from '../../../agent/host/network-lock.ts';
import { mountTmpfs } from '../../../agent/host/tmpfs.ts';
import { createLxcRuntime, type LxcOptions } from '../../../agent/runtime/lxc/runtime.ts';
import { type DomainSpec, toGodwitError } from '../../../protocol/mod.ts';

const runner = createRunner();
const clock = systemClock;
const WORK = '/run/godwit/lxc-test';
const settings: LxcOptions = {
  runner,
  clock,
  lxcPath: '/var/lib/lxc',
  runDir: join(WORK, 'lxc'),
  node: 'n1',
  explain: async (logFile) => {
    const text = await readFile(logFile, 'utf8').catch(() => '');
    const telling = (line: string) => /Error \(criu/.test(line) && !/RLIMIT/.test(line);
    return { lines: text.split('\n').filter(telling), cure: '' };
  },
};
const runtime = createLxcRuntime(settings);

const [scenario = '', root = '', name = 'lxctest', address = '10.77.1.77'] = process.argv.slice(2);
/** One process that never forks: a shell in the middle of a vfork now and then makes criu time out ("Unseizable"). */
const COUNTER =
  'while (1) { $i++; open(F, ">", "/count"); print F "$i\\n"; close F; select undef, undef, undef, 0.05 }';

const spec: DomainSpec = {
  name,
  uuid: '6b3a6e0e-5d8a-4f2b-9b59-0f6a1f0c0a01',
  memoryBytes: 96 * 1024 * 1024,
  vcpus: 1.5,
  os: {
    init: '/bin/perl',
    initArgs: ['-e', COUNTER, 'with space', '', `both ' and "`],
    initEnv: [{ name: 'GREETING', value: ' hello "world" = # ' }],
    initDir: '/bin',
  },
  root: { type: 'mount', source: root, target: '/', readonly: false },
  filesystems: [{ type: 'mount', source: `${root}.data dir`, target: '/mnt/a b', readonly: true }],
  interfaces: [
    {
      bridge: 'br0',
      mac: '52:54:00:77:00:01',
      addresses: [
        { family: 'ipv4', address, prefix: 16 },
        { family: 'ipv6', address: 'fd77::77', prefix: 64 },
      ],
      guestName: 'eth0',
    },
  ],
  console: false,
  policy: { mode: 'auto', rootfs: 'shared' },
};

const scenarios: Record<string, () => Promise<unknown>> = {
  life: async () => {
    const started = await runtime.start(spec);
    const init = `/proc/${started.pid}`;
    const environ = (await readFile(`${init}/environ`, 'utf8')).split('\0');
    const exec = (argv: string[], timeoutMs = 5_000) => runtime.exec(name, argv, { timeoutMs });
    return {
      version: await runtime.version(),
      started,
      list: await runtime.list(),
      cmdline: (await readFile(`${init}/cmdline`, 'utf8')).split('\0').slice(0, -1),
      greeting: environ.find((line) => line.startsWith('GREETING=')),
      limits: await runtime.readLimits(name),
      stats: await runtime.stats(name),
      exec: await exec(['sh', '-c', 'echo out; echo err >&2; cat "/mnt/a b/x"; exit 7']),
      readonly: await exec(['sh', '-c', 'echo no > "/mnt/a b/x"']),
      addresses: (await exec(['ip', 'addr', 'show', 'eth0'])).stdout,
      missing: await failureOf(exec(['nosuch'])),
      hanging: await failureOf(exec(['sleep', '4242'], 300)),
      hangingLeft: (await exec(['sh', '-c', 'ps | grep -c "[s]leep 4242"'])).stdout.trim(),
      long: (await exec(['dd', 'if=/dev/zero', 'bs=1024', 'count=2000'])).stdout.length,
      twice: await failureOf(runtime.start(spec)),
      sweepWhileRunning: await failureOf(runtime.sweep(name)),
      undefineWhileRunning: await failureOf(runtime.undefine(name)),
      stopped: await timed(() => runtime.stop(name, { timeoutMs: 1_000, kill: false })),
      status: await runtime.status(name),
      execStopped: await failureOf(exec(['true'])),
      left: await leftovers(),
    };
  },

  badStart: async () => {
    const bad = { ...spec, os: { ...spec.os, init: '/nosuch' } };
    await runtime.define(bad);
    const missingInit = await failureOf(runtime.start(bad));
    const noBridge = { ...spec, interfaces: [{ ...spec.interfaces[0]!, bridge: 'nosuch0' }] };
    await runtime.define(noBridge);
    const missingBridge = await failureOf(runtime.start(noBridge));
    return { missingInit, missingBridge, status: await runtime.status(name), left: await leftovers() };
  },

  hops: async () => {
    await runtime.start(spec);
    const undo = await mountTmpfs(runner, join(WORK, 'images'), 256 * 1024 * 1024);
    const bridgeBefore = await bridgeMac();
    const hops = [];
    for (let hop = 1; hop <= 3; hop += 1) {
      const dir = join(WORK, 'images', String(hop));
      await dump(dir, []);
      const counted = await count();
      await runtime.sweep(name);
      const between = await leftovers();
      const restored = await timed(() => restore(dir, []));
      hops.push({
        between,
        counted,
        restoreMs: restored.ms,
        status: await runtime.status(name),
        limits: await runtime.readLimits(name),
        countedAfter: await countGrows(counted),
        exec: await runtime.exec(name, ['cat', '/mnt/a b/x'], { timeoutMs: 5_000 }),
      });
    }
    const { pid = 0 } = await runtime.status(name);
    await announceAddresses(pid, spec.interfaces, { runner, clock });
    const bridgeAfter = await bridgeMac();
    await runtime.stop(name, { timeoutMs: 300, kill: false });
    await undo();
    return { hops, bridgeBefore, bridgeAfter, status: await runtime.status(name), left: await leftovers() };
  },

  freezing: async () => {
    // Frozen before its first count, it would seem to step back from where an earlier container ended.
    await rm(join(root, 'count'), { force: true });
    const { pid = 0 } = await runtime.start(spec);
    await count();
    const cgroup = await runtime.cgroup(name);
    await freezeCgroup(cgroup, clock);
    const frozenAt = await count();
    await clock.sleep(300);
    const seen = {
      frozen: await isFrozen(cgroup),
      stoodStill: frozenAt === (await count()),
      state: (await runtime.status(name)).state,
      exec: await failureOf(runtime.exec(name, ['true'], { timeoutMs: 1_000 })),
    };
    await thawCgroup(cgroup, clock);
    const grew = await countGrows(frozenAt);
    await freezeCgroup(cgroup, clock);
    const killed = await timed(() => killCgroup(cgroup, clock));
    const alive = existsSync(`/proc/${pid}/exe`);
    await runtime.sweep(name);
    return { ...seen, grew, killMs: killed.ms, alive, left: await leftovers() };
  },

  lock: async () => {
    await runtime.start(spec);
    const { pid = 0 } = await runtime.status(name);
    const seen: Record<string, unknown> = {};
    await rules(pid, ['nft', 'add', 'table', 'inet', 'mine']);
    await rules(pid, ['iptables', '-A', 'INPUT', '-s', '192.0.2.9', '-j', 'ACCEPT']);
    for (const method of ['iptables', 'nftables']) {
      const hold = await holdingHook(`dump-${method}`, 'post-dump');
      const dir = join(WORK, `lock-${method}`);
      const dumping = failureOf(dump(dir, ['--network-lock', method, '--action-script', hold.script]));
      await Promise.race([hold.reached(), dumping.then((failure) => Promise.reject(failure))]);
      const locked = await allRules(pid);
      const criuPid = Number(await readFile(join(dir, 'criu.pid'), 'utf8'));
      process.kill(criuPid, 'SIGKILL');
      const failed = await dumping;
      const leftLocked = await allRules(pid);
      await clearNetworkLock(runner, pid);
      await clearNetworkLock(runner, pid);
      hold.end();
      seen[method] = { locked, failed: failed !== undefined, leftLocked, after: await allRules(pid) };
    }
    seen.grew = await countGrows(await count());
    await runtime.stop(name, { timeoutMs: 0, kill: true });
    return { ...seen, left: await leftovers() };
  },

  badRestore: async () => {
    await runtime.start(spec);
    const dir = join(WORK, 'images');
    await dump(dir, []);
    await runtime.sweep(name);
    const hold = await holdingHook('restore', 'post-restore');
    const controller = new AbortController();
    const held = failureOf(restore(dir, [`action-script ${hold.script}`], controller.signal));
    await hold.reached();
    const whileHeld = await runtime.status(name);
    controller.abort();
    const aborted = await timed(() => held);
    hold.end();
    const leftAborted = await leftovers();
    const orphan = await holdingHook('orphan', 'post-restore');
    const orphaned = failureOf(restore(dir, [`action-script ${orphan.script}`]));
    await orphan.reached();
    // What an agent sees that starts while a restore of its predecessor is held.
    const successor = createLxcRuntime(settings);
    const seenBySuccessor = await successor.status(name);
    await successor.sweep(name);
    const orphanEnd = await orphaned;
    orphan.end();
    const leftOrphaned = await leftovers();
    const late = await holdingHook('late', 'post-restore');
    const deadline = await failureOf(restore(dir, [`action-script ${late.script}`], undefined, 1_500));
    late.end();
    const leftLate = await leftovers();
    const refused = await failureOf(restore(dir, ['action-script /bin/false']));
    await writeFile(join(dir, 'core-1.img'), 'garbage');
    const garbage = await failureOf(restore(dir, []));
    return {
      whileHeld,
      aborted: aborted.value,
      abortMs: aborted.ms,
      leftAborted,
      seenBySuccessor,
      orphanEnd,
      leftOrphaned,
      deadline,
      leftLate,
      refused,
      garbage,
      status: await runtime.status(name),
      left: await leftovers(),
    };
  },
};

async function dump(dir: string, more: readonly string[]): Promise<void> {
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  const plan = await runtime.dumpPlan(spec);
  const args = ['dump', ...plan.args, '-D', dir, '-o', 'dump.log', '--pidfile', join(dir, 'unused'), ...more];
  const child = runner.start({ file: 'criu', args, deadlineMs: 30_000, silent: true });
  await writeFile(join(dir, 'criu.pid'), String(child.pid));
  const result = await child.ended;
  if (result.exitCode === 0) return;
  const { lines } = await settings.explain(join(dir, 'dump.log'));
  throw new Error(`criu dump ended with ${result.exitCode ?? result.signal}: ${lines.join('; ')}`);
}

function restore(
  imageDir: string,
  criuConfig: readonly string[],
  signal: AbortSignal = new AbortController().signal,
  deadlineMs = 30_000,
) {
  return runtime.restore({
    spec,
    imageDir,
    logFile: join(WORK, 'restore.log'),
    criuConfig,
    deadlineMs,
    signal,
  });
}

/** A hook that stays in one action until told to end. */
async function holdingHook(id: string, action: string) {
  const [reached, go, script] = ['reached', 'go', 'sh'].map((end) => join(WORK, `${id}.${end}`));
  if (!reached || !go || !script) throw new Error('no paths');
  const body = `[ "$CRTOOLS_SCRIPT_ACTION" = ${action} ] || exit 0\n: > ${reached}\nwhile ! [ -e ${go} ]; do sleep 0.05; done\n`;
  await writeFile(script, `#!/bin/sh\n${body}`, { mode: 0o755 });
  return {
    script,
    reached: async () => {
      for (let tries = 0; tries < 200 && !existsSync(reached); tries += 1) await clock.sleep(50);
      if (!existsSync(reached)) throw new Error(`the hook never came to ${action}`);
    },
    end: () => void writeFile(go, ''),
  };
}

async function rules(pid: number, argv: readonly string[]): Promise<string> {
  const args = [`--net=/proc/${pid}/ns/net`, '--', ...argv];
  return (await runner.run({ file: 'nsenter', args, deadlineMs: 5_000 })).stdout;
}

async function allRules(pid: number): Promise<string> {
  const texts = await Promise.all([
    rules(pid, ['iptables-save']),
    rules(pid, ['ip6tables-save']),
    rules(pid, ['nft', 'list', 'ruleset']),
  ]);
  return texts.join('\n');
}

const bridgeMac = async () => (await readFile('/sys/class/net/br0/address', 'utf8')).trim();

async function count(): Promise<number> {
  for (;;) {
    const text = (await readFile(join(root, 'count'), 'utf8').catch(() => '')).trim();
    if (text) return Number(text);
    await clock.sleep(5);
  }
}

/** True when the counter goes on from where it was: never back, and further within two seconds. */
async function countGrows(from: number): Promise<boolean> {
  for (let tries = 0; tries < 40; tries += 1) {
    const now = await count();
    if (now < from) return false;
    if (now > from) return true;
    await clock.sleep(50);
  }
  return false;
}

async function timed<T>(action: () => Promise<T>): Promise<{ value: T; ms: number }> {
  const startedMs = clock.monotonicMs();
  const value = await action();
  return { value, ms: Math.round(clock.monotonicMs() - startedMs) };
}

async function failureOf(promise: Promise<unknown>): Promise<{ code: string; message: string } | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    const { code, message } = toGodwitError(error);
    return { code, message };
  }
}

/** Every trace of the container on this node outside its configuration. */
async function leftovers(): Promise<string[]> {
  const found: string[] = [];
  for (const group of await readdir('/sys/fs/cgroup')) {
    for (const dir of await readdir(join('/sys/fs/cgroup', group)).catch(() => [])) {
      if (dir.includes(name)) found.push(join(group, dir));
    }
  }
  for (const dir of await readdir('/sys/fs/cgroup')) if (dir.includes(name)) found.push(dir);
  for (const link of await readdir('/sys/class/net')) if (/^(gw|veth)/.test(link)) found.push(link);
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (/lxc|criu/.test(line) && line.includes(name) && !line.includes('lxc-driver')) found.push(line);
  }
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  for (const line of mounts.split('\n')) if (line.includes(root)) found.push(line);
  found.push(...(await readdir(join(WORK, 'lxc')).catch(() => [])));
  return found;
}

const run = scenarios[scenario];
if (!run) throw new Error(`no scenario '${scenario}'`);
await rm(WORK, { recursive: true, force: true });
await mkdir(WORK, { recursive: true });
await runtime.define(spec);
try {
  process.stdout.write(`${JSON.stringify(await run(), undefined, 2)}\n`);
} finally {
  await runtime.stop(name, { timeoutMs: 0, kill: true });
  await runtime.undefine(name);
  await rm(WORK, { recursive: true, force: true });
}
