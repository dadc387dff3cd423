import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseDomain } from '../../../protocol/domain/mod.ts';
import type { Clock } from '../../effects/clock.ts';
import { systemClock } from '../../effects/system-clock.ts';
import { createRunner } from '../../effects/system-runner.ts';
import { putInForce } from './in-force.ts';
import type { Lxc } from './tool.ts';

const SPEC = parseDomain(
  `<domain type='lxc'><name>web</name><memory unit='MiB'>64</memory><os><type>exe</type><init>/bin/app</init></os>
  <devices><filesystem><source dir='/srv/root'/><target dir='/'/></filesystem></devices></domain>`,
  { file: 'web' },
);

let dir: string;
let told: string[];
let options: Lxc;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-force-'));
  told = [];
  const runner = createRunner();
  options = {
    runner: { ...runner, start: (command) => runner.start({ ...command, file: join(dir, command.file) }) },
    clock: quick(),
    log: { error: (_: unknown, text: string) => told.push(text) } as unknown as Lxc['log'],
    lxcPath: join(dir, 'lxc'),
    runDir: join(dir, 'run'),
    node: 'n1',
    socketTable: '/proc/net/unix',
    explain: async () => ({ lines: [], cure: '' }),
    restoring: new Set(),
    inits: new Map(),
  };
  mkdirSync(join(dir, 'lxc/web'), { recursive: true });
  mkdirSync(join(dir, 'group'));
  for (const file of ['memory.max', 'cpu.max']) writeFileSync(join(dir, 'group', file), '');
  writeFileSync(
    join(dir, 'common.conf'),
    'lxc.cgroup2.devices.deny = a\nlxc.cgroup2.devices.allow = c 1:3 rwm\n',
  );
  const own = `lxc.include = ${join(dir, 'common.conf')}\nlxc.cgroup2.devices.allow = /dev/zero rw\n`;
  writeFileSync(join(dir, 'lxc/web/config'), own);
});
afterEach(() => rmSync(dir, { recursive: true }));

/** Pauses and deadlines take a moment, and count in full. */
function quick(): Clock {
  let passedMs = 0;
  return {
    ...systemClock,
    monotonicMs: () => passedMs,
    sleep: async (ms) => {
      passedMs += ms;
    },
    after: (ms, action) =>
      systemClock.after(200, () => {
        passedMs += ms;
        action();
      }),
  };
}

const CALLS = () => join(dir, 'calls');
function fakeCgroup(body: string): void {
  writeFileSync(join(dir, 'lxc-cgroup'), `#!/bin/sh\nshift 9\necho "$*" >>${CALLS()}\n${body}\n`);
  chmodSync(join(dir, 'lxc-cgroup'), 0o755);
}
const calls = () => readFileSync(CALLS(), 'utf8').split('\n').slice(0, -1);
const put = (initPid = process.pid) =>
  putInForce(options, SPEC, { initPid, paths: { version: 'v2', dirs: { unified: join(dir, 'group') } } });
const RULES = [
  'devices.allow c *:* mwr',
  'devices.allow b *:* mwr',
  'devices.allow c 1:3 rwm',
  'devices.allow c 1:5 rw',
  'devices.deny c *:* mwr',
  'devices.deny b *:* mwr',
];

it('writes limits and adds the device rules that LXC would have loaded, those of includes and of nodes by path as well', async () => {
  fakeCgroup('exit 0');
  await put();
  expect(calls()).toEqual(RULES);
  expect(readFileSync(join(dir, 'group/memory.max'), 'utf8')).toBe(String(SPEC.memoryBytes));
  expect(told).toEqual([]);
});

it('adds all again when one failed', async () => {
  fakeCgroup(`[ $(wc -l <${CALLS()}) -ne 4 ]`);
  await put();
  expect(calls()).toEqual([...RULES.slice(0, 4), ...RULES]);
  expect(told).toEqual([]);
});

it.each([
  ['fails', 'exit 1'],
  ['hangs', "trap '' TERM; sleep 600"],
])('lets the container run, and says what is missing, where lxc-cgroup %s', async (_, body) => {
  fakeCgroup(body);
  await put();
  expect(told).toEqual(['it runs, but its device rules are not in force']);
  expect(calls().length).toBeGreaterThan(1);
  expect(new Set(calls())).toEqual(new Set(RULES.slice(0, 1)));
});

it('lets it run where a limit cannot be written, and adds its rules', async () => {
  fakeCgroup('exit 0');
  rmSync(join(dir, 'group/memory.max'));
  await put();
  expect(told).toEqual(['it runs, but its limits are not in force']);
  expect(calls()).toEqual(RULES);
});

it('gives up at once when the container has ended', async () => {
  fakeCgroup('exit 1');
  // Larger than any pid.
  await put(2 ** 22 + 1);
  expect(calls()).toHaveLength(1);
  expect(told).toEqual([]);
});
