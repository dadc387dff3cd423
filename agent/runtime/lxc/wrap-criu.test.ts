import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { parseDomain } from '../../../protocol/domain/mod.ts';
import { unwrapCriu, wrapCriu } from './wrap-criu.ts';

const RULES = `<godwit:set key='lxc.cgroup.devices.deny' value='a'/>
  <godwit:set key='lxc.cgroup.devices.allow' value='c 1:3 rwm'/><godwit:set key='lxc.cgroup.pids.max' value='50'/>`;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-wrap-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

async function wrap(settings: string, cgroup: 'v1' | 'v2') {
  const spec = parseDomain(
    `<domain type='lxc'><name>web</name><metadata>
      <godwit:settings xmlns:godwit='https://godwit.dev/xmlns/domain/1'><godwit:lxc>${settings}</godwit:lxc></godwit:settings></metadata>
      <memory unit='MiB'>64</memory><os><type>exe</type><init>/bin/app</init></os>
      <devices><filesystem type='mount'><source dir='/srv/web'/><target dir='/'/></filesystem></devices></domain>`,
    { file: 'test' },
  );
  return wrapCriu(join(dir, 'web.criu'), { spec, imageDir: join(dir, 'images') }, { networks: {}, cgroup });
}

it.each([
  ['no rules', '', 'v1'],
  ['rules of cgroup v2, which have no groups of files', RULES, 'v2'],
] as const)('leaves criu alone with %s', async (_, settings, cgroup) => {
  expect(await wrap(settings, cgroup)).toBeUndefined();
  expect(existsSync(join(dir, 'web.criu'))).toBe(false);
});

it('writes device rules into the group that LXC names before criu comes, in their order, for a restore only', async () => {
  const wrapped = await wrap(RULES, 'v1');
  const fakes = join(dir, 'fakes');
  const group = join(dir, 'devices/box');
  for (const made of [fakes, group]) mkdirSync(made, { recursive: true });
  const seen = join(dir, 'seen');
  for (const file of ['deny', 'allow']) writeFileSync(join(group, `devices.${file}`), '');
  writeFileSync(join(fakes, 'criu'), `#!/bin/sh\necho "$@" >>${seen}; cat ${group}/* >>${seen}\n`, {
    mode: 0o755,
  });
  const script = join(dir, 'web.criu/criu');
  const text = readFileSync(script, 'utf8');
  writeFileSync(
    script,
    text
      .replace(/^PATH=.*/m, `PATH=${fakes}:${process.env.PATH}`)
      .replace('/sys/fs/cgroup/devices', join(dir, 'devices'))
      // A plain file keeps what a group would have taken.
      .replace('>"$root', '>>"$root'),
  );
  const criu = (...args: string[]) => execFileSync(script, args, { env: { PATH: wrapped?.path } });
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
  expect(readFileSync(seen, 'utf8')).toBe(`--version\nrestore ${roots.join(' ')}\nc 1:3 rwmc *:* mb *:* ma`);
  expect(() => criu('restore', '--cgroup-root', 'pids:/other')).toThrow(/status 1|Command failed/);
  await unwrapCriu(join(dir, 'web.criu'));
  expect(existsSync(script)).toBe(false);
});
