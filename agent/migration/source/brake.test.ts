import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CpuLimit } from '../../host/throttle.ts';
import type { CgroupPaths } from '../../runtime/runtime.ts';
import { CpuBrake } from './brake.ts';

const OLD = '150000 100000';
let dir: string;
let cgroup: CgroupPaths;
let brake: CpuBrake;
let remembered: CpuLimit[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-brake-'));
  writeFileSync(join(dir, 'cpu.max'), OLD);
  writeFileSync(join(dir, 'cgroup.threads'), '1\n2\n');
  cgroup = { version: 'v2', dirs: { unified: dir } };
  remembered = [];
  brake = new CpuBrake(pino({ level: 'silent' }), (limit) => remembered.push(limit));
});

afterEach(() => rmSync(dir, { recursive: true }));

const limit = () => readFileSync(join(dir, 'cpu.max'), 'utf8');

describe('CpuBrake', () => {
  it('counts each step from the limit before the first, and puts that back', async () => {
    await brake.set(cgroup, 0.8);
    expect(limit()).toBe('120000 100000');
    await brake.set(cgroup, 0.2);
    expect(limit()).toMatch(/^30000 100000/);
    expect(remembered).toEqual([0, 1].map(() => ({ file: join(dir, 'cpu.max'), value: OLD })));
    await brake.release();
    await brake.release();
    expect(limit()).toMatch(/^150000 100000/);
  });

  it('leaves nothing when it is released in the middle of a step', async () => {
    const step = brake.set(cgroup, 0.5);
    await brake.release();
    await step;
    expect(limit()).toMatch(/^150000 100000/);
  });

  it('goes on after a step that failed', async () => {
    const nowhere: CgroupPaths = { version: 'v2', dirs: { unified: join(dir, 'gone') } };
    await expect(brake.set(nowhere, 0.5)).rejects.toMatchObject({ code: 'HOST_FAILED' });
    await brake.set(cgroup, 0.5);
    await brake.release();
    expect(limit()).toMatch(/^150000 100000/);
  });
});
