/**
 * Runs inside a lab node (`node dist/test/e2e/support/lxc-driver.js SCENARIO ROOT`) and drives the real classes against
 * real LXC and CRIU there. Prints what it saw as one JSON document; the test outside asserts.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { announceAddresses } from '../../../agent/host/announce.ts';
import { freezeCgroup, isFrozen, killCgroup, thawCgroup } from '../../../agent/host/freeze.ts';
import { clearNetworkLock } from '../../../agent/host/network-lock.ts';
import { mountTmpfs } from '../../../agent/host/tmpfs.ts';
import { createLxcRuntime } from '../../../agent/runtime/lxc/runtime.ts';
import {
  allRules,
  bridgeMac,
  clock,
  count,
  countGrows,
  dump,
  failureOf,
  holdingHook,
  leftovers,
  name,
  restore,
  root,
  rules,
  runner,
  runtime,
  scenario,
  settings,
  spec,
  timed,
  WORK,
} from './lxc-scene.ts';

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
