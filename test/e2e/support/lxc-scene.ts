/** The container that the driver of LXC (lxc-driver.ts) works on, and how its scenarios look at it. */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { systemClock } from '../../../agent/effects/system-clock.ts';
import { createRunner } from '../../../agent/effects/system-runner.ts';
import { createLxcRuntime, type LxcOptions } from '../../../agent/runtime/lxc/runtime.ts';
import { type DomainSpec, toGodwitError } from '../../../protocol/mod.ts';

export const runner = createRunner();
export const clock = systemClock;
export const WORK = '/run/godwit/lxc-test';
const GROUPS_FILE = 'group-members';
export const settings: LxcOptions = {
  runner,
  clock,
  log: pino({ level: 'silent' }),
  lxcPath: '/var/lib/lxc',
  runDir: join(WORK, 'lxc'),
  node: 'n1',
  explain: async (logFile) => {
    const text = await readFile(logFile, 'utf8').catch(() => '');
    const telling = (line: string) => /Error \(criu/.test(line) && !/RLIMIT/.test(line);
    return { lines: text.split('\n').filter(telling), cure: '' };
  },
};
export const runtime = createLxcRuntime(settings);

export const [scenario = '', root = '', name = 'lxctest', address = '10.77.1.77'] = process.argv.slice(2);
/** One process that never forks: a shell in the middle of a vfork now and then makes criu time out ("Unseizable"). */
const COUNTER =
  'while (1) { $i++; open(F, ">", "/count"); print F "$i\\n"; close F; select undef, undef, undef, 0.05 }';

export const spec: DomainSpec = {
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

export async function dump(dir: string, more: readonly string[]): Promise<void> {
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

export function restore(
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
export async function holdingHook(id: string, action: string) {
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

export async function rules(pid: number, argv: readonly string[]): Promise<string> {
  const args = [`--net=/proc/${pid}/ns/net`, '--', ...argv];
  return (await runner.run({ file: 'nsenter', args, deadlineMs: 5_000 })).stdout;
}

export async function allRules(pid: number): Promise<string> {
  const texts = await Promise.all([
    rules(pid, ['iptables-save']),
    rules(pid, ['ip6tables-save']),
    rules(pid, ['nft', 'list', 'ruleset']),
  ]);
  return texts.join('\n');
}

export const bridgeMac = async () => (await readFile('/sys/class/net/br0/address', 'utf8')).trim();

export async function count(): Promise<number> {
  for (;;) {
    const text = (await readFile(join(root, 'count'), 'utf8').catch(() => '')).trim();
    if (text) return Number(text);
    await clock.sleep(5);
  }
}

/** True when the counter goes on from where it was: never back, and further within two seconds. */
export async function countGrows(from: number): Promise<boolean> {
  for (let tries = 0; tries < 40; tries += 1) {
    const now = await count();
    if (now < from) return false;
    if (now > from) return true;
    await clock.sleep(50);
  }
  return false;
}

export async function timed<T>(action: () => Promise<T>): Promise<{ value: T; ms: number }> {
  const startedMs = clock.monotonicMs();
  const value = await action();
  return { value, ms: Math.round(clock.monotonicMs() - startedMs) };
}

export async function failureOf(
  promise: Promise<unknown>,
): Promise<{ code: string; message: string } | undefined> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    const { code, message } = toGodwitError(error);
    return { code, message };
  }
}

/** Every trace of the container on this node outside its configuration. */
export async function leftovers(): Promise<string[]> {
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
  const files = await readdir(join(WORK, 'lxc')).catch(() => []);
  // What tells criu of groups is the node's, one for all its containers.
  found.push(...files.filter((file) => file !== GROUPS_FILE));
  return found;
}
