import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { groupLimits, propertiesFile } from './group-limits.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-groups-'));
  mkdirSync(join(dir, 'payload/one.service'), { recursive: true });
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const runDir = () => join(dir, 'run');
const payload = (version: 'v1' | 'v2') => ({
  version,
  dirs: { [version === 'v1' ? 'freezer' : 'unified']: join(dir, 'payload') },
});

it('leaves criu alone with cgroup v1', async () => {
  expect(await groupLimits({ runDir: runDir() }, payload('v1'))).toEqual([]);
});

it('names the limits of v2 in a file, the weights unless a group is idle', async () => {
  const [option, file = ''] = await groupLimits({ runDir: runDir() }, payload('v2'));
  expect(option).toBe('--cgroup-props-file');
  expect(readFileSync(file, 'utf8')).toContain('"pids.max", "cpu.max", "cpu.weight"]\n');
  writeFileSync(join(dir, 'payload/one.service/cpu.weight'), '0\n');
  const [, other = ''] = await groupLimits({ runDir: runDir() }, payload('v2'));
  expect(other).not.toBe(file);
  expect(readFileSync(other, 'utf8')).toContain('"pids.max", "cpu.max"]\n');
});

it('writes as criu reads, byte by byte', () => {
  expect(propertiesFile(['pids.max', 'cpu.max'])).toBe(
    '"\0":\n - "strategy": "replace"\n - "properties": ["pids.max", "cpu.max"]\n',
  );
});
