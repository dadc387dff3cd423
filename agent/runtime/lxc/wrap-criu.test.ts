import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseDomain } from '../../../protocol/domain/mod.ts';
import type { Hierarchy } from '../../host/cgroup-paths.ts';
import { unwrapCriu, wrapCriu } from './wrap-criu.ts';

const RULES = `<godwit:set key='lxc.cgroup.devices.deny' value='a'/>
  <godwit:set key='lxc.cgroup.devices.allow' value='c 1:3 rwm'/><godwit:set key='lxc.cgroup.pids.max' value='50'/>`;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-wrap-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const hierarchy = (root = '/') =>
  ({ version: 'v1', controllers: ['devices'], mountPoint: join(dir, 'devices'), root }) as const;

async function wrap(settings: string, devices: Hierarchy | undefined) {
  const spec = parseDomain(
    `<domain type='lxc'><name>web</name><metadata>
      <godwit:settings xmlns:godwit='https://godwit.dev/xmlns/domain/1'><godwit:lxc>${settings}</godwit:lxc></godwit:settings></metadata>
      <memory unit='MiB'>64</memory><os><type>exe</type><init>/bin/app</init></os>
      <devices><filesystem type='mount'><source dir='/srv/web'/><target dir='/'/></filesystem></devices></domain>`,
    { file: 'test' },
  );
  return wrapCriu(join(dir, 'web.criu'), { spec, imageDir: join(dir, 'images') }, { networks: {}, devices });
}

it.each([
  ['no rules', '', true],
  ['rules where they are no files', RULES, false],
])('leaves criu alone with %s', async (_, settings, files) => {
  expect(await wrap(settings, files ? hierarchy() : undefined)).toBeUndefined();
  expect(existsSync(join(dir, 'web.criu'))).toBe(false);
});

/** Runs the script with a criu that tells its arguments; a plain file keeps what the two of a group would have taken, in turn. */
function fakeGroup(path: string | undefined) {
  const fakes = join(dir, 'fakes');
  const group = join(dir, 'devices/box');
  for (const made of [fakes, group]) mkdirSync(made, { recursive: true });
  const seen = join(dir, 'seen');
  for (const file of ['deny', 'allow']) symlinkSync(seen, join(group, `devices.${file}`));
  writeFileSync(join(fakes, 'criu'), `#!/bin/sh\necho "$@" >>${seen}\n`, { mode: 0o755 });
  const script = join(dir, 'web.criu/criu');
  const text = readFileSync(script, 'utf8');
  const changed = text
    .replace(/^PATH=.*/m, `PATH=${fakes}:${process.env.PATH}`)
    .replace('>"$group', '>>"$group');
  writeFileSync(script, changed);
  const criu = (...args: string[]) =>
    execFileSync(script, args, { env: { PATH: path }, stdio: 'pipe', encoding: 'utf8' });
  return { criu, seen: () => readFileSync(seen, 'utf8'), script };
}

it('writes device rules into the group that LXC names before criu comes, in their order, for a restore only', async () => {
  const wrapped = await wrap(RULES, hierarchy());
  const { criu, seen, script } = fakeGroup(wrapped?.path);
  const roots = [
    '--cgroup-root',
    'pids:/other',
    '--cgroup-root',
    'devices:/box',
    '--cgroup-root',
    'name=systemd:/x',
  ];
  criu('--version');
  criu('restore', ...roots);
  expect(seen()).toBe(`--version\nac 1:3 rwmc *:* mb *:* mrestore ${roots.join(' ')}\n`);
  await unwrapCriu(join(dir, 'web.criu'));
  expect(existsSync(script)).toBe(false);
});

it('finds the group below what is mounted, and says why it ends without criu', async () => {
  const wrapped = await wrap(RULES, hierarchy('/machine'));
  const { criu, seen } = fakeGroup(wrapped?.path);
  criu('restore', '--cgroup-root', 'devices:/machine/box');
  expect(seen()).toMatch(/^ac 1:3 rwm/);
  expect(() => criu('restore', '--cgroup-root', 'pids:/other')).toThrow('LXC names no group for them');
  expect(() => criu('restore', '--cgroup-root', 'devices:/none')).toThrow(
    /device rules: a to .*devices\/none/,
  );
});
