import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { CgroupPaths } from '../runtime.ts';
import { groupLimits, propertiesFile } from './group-limits.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-groups-'));
  mkdirSync(join(dir, 'payload/one.service'), { recursive: true });
  payload = { version: 'v2', dirs: { unified: join(dir, 'payload') } };
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const runDir = () => join(dir, 'run');
let payload: CgroupPaths;

it('leaves criu alone with cgroup v1 alone, and names files that it carries and not every kernel has', async () => {
  const cgroup = { version: 'v1', dirs: { memory: join(dir, 'payload') } } as const;
  writeFileSync(join(dir, 'payload/memory.memsw.limit_in_bytes'), '9223372036854771712\n');
  expect(await groupLimits({ runDir: runDir() }, cgroup)).toEqual({
    args: [],
    files: ['memory.memsw.limit_in_bytes'],
  });
});

it('has it keep whose the groups are in the hierarchy of v2 that a node with v1 has besides', async () => {
  const cgroup = { version: 'v1', dirs: { unified: join(dir, 'payload') } } as const;
  const { args, files } = await groupLimits({ runDir: runDir() }, cgroup);
  expect({ args, files }).toEqual({
    args: ['--cgroup-props-file', join(runDir(), 'group-members')],
    files: [],
  });
  expect(readFileSync(join(runDir(), 'group-members'), 'utf8')).toBe(propertiesFile(['cgroup.procs']));
});

it('names the limits of v2 in a file, and whose the groups are: weights unless a group is idle, those of swap where some group has one', async () => {
  const of = async () => {
    const { args, files } = await groupLimits({ runDir: runDir() }, payload);
    const [option, file = ''] = args;
    expect(option).toBe('--cgroup-props-file');
    return {
      file,
      files,
      names: readFileSync(file, 'utf8')
        .split('"')
        .filter((word) => /^\w+\.[\w.]+$/.test(word)),
    };
  };
  const plain = await of();
  expect(plain.names[0]).toBe('cgroup.procs');
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
  const limited = await of();
  expect(limited.names).toEqual(expect.arrayContaining([...plain.names, 'memory.swap.max']));
  expect(limited.files).toEqual(['memory.swap.max', 'cpu.weight']);
});

it('writes the file again that somebody has removed', async () => {
  await groupLimits({ runDir: runDir() }, payload);
  rmSync(runDir(), { recursive: true });
  const [, file = ''] = (await groupLimits({ runDir: runDir() }, payload)).args;
  expect(readFileSync(file, 'utf8')).toContain('"pids.max"');
});

it('writes as criu reads, byte by byte', () => {
  expect(propertiesFile(['pids.max', 'cpu.max'])).toBe(
    '"\0":\n - "strategy": "replace"\n - "properties": ["pids.max", "cpu.max"]\n',
  );
});
