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

it('names the limits of v2 in a file: weights unless a group is idle, those of swap where some group has one', async () => {
  const of = async () => {
    const [option, file = ''] = await groupLimits({ runDir: runDir() }, payload('v2'));
    expect(option).toBe('--cgroup-props-file');
    return {
      file,
      names: readFileSync(file, 'utf8')
        .split('"')
        .filter((word) => /^\w+\.[\w.]+$/.test(word)),
    };
  };
  const plain = await of();
  expect(plain.names.slice(-3)).toEqual(['pids.max', 'cpu.max', 'cpu.weight']);
  expect(plain.names).not.toContain('memory.swap.max');
  const set = (name: string, value: string) =>
    writeFileSync(join(dir, 'payload/one.service', name), `${value}\n`);
  set('memory.swap.max', 'max');
  set('cpu.weight', '0');
  const idle = await of();
  expect(idle.file).not.toBe(plain.file);
  expect(idle.names).toEqual(plain.names.slice(0, -1));
  set('memory.swap.max', '4096');
  set('cpu.weight', '100');
  expect((await of()).names).toEqual(expect.arrayContaining([...plain.names, 'memory.swap.max']));
});

it('writes the file again that somebody has removed', async () => {
  await groupLimits({ runDir: runDir() }, payload('v2'));
  rmSync(runDir(), { recursive: true });
  const [, file = ''] = await groupLimits({ runDir: runDir() }, payload('v2'));
  expect(readFileSync(file, 'utf8')).toContain('"pids.max"');
});

it('writes as criu reads, byte by byte', () => {
  expect(propertiesFile(['pids.max', 'cpu.max'])).toBe(
    '"\0":\n - "strategy": "replace"\n - "properties": ["pids.max", "cpu.max"]\n',
  );
});
