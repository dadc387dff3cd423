import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { parseDomain } from '../../../protocol/domain/mod.ts';
import { createRunner } from '../../effects/system-runner.ts';
import type { Agent } from '../../migration/agent.ts';
import { handOver } from './hand-over.ts';
import { replacedAt } from './replaced.ts';

const xml = (root: string, left = 'delete') => `<domain type='lxc'><name>app</name><metadata>
  <godwit:settings xmlns:godwit='https://godwit.dev/xmlns/domain/1'><godwit:rootfs policy='copy' left='${left}'/></godwit:settings></metadata>
  <memory unit='MiB'>64</memory><os><type>exe</type><init>/bin/app</init></os><devices>
  <filesystem type='mount'><source dir='${root}'/><target dir='/'/></filesystem></devices></domain>`;

it('answers before it removes what is old, and keeps the container busy meanwhile', async () => {
  const home = mkdtempSync(join(tmpdir(), 'godwit-hand-over-'));
  try {
    const root = join(home, 'root');
    mkdirSync(root);
    writeFileSync(join(root, 'file'), '');
    let removed: (result: { exitCode: number }) => void = () => {};
    const removal = new Promise<{ exitCode: number }>((resolve) => {
      removed = resolve;
    });
    const free = vi.fn();
    const record = { name: 'app', owner: 'n1', epoch: 4, phase: 'stopped' };
    const agent = {
      config: { checkpoints: {} },
      containers: {
        claim: () => free,
        get: () => ({ record, spec: parseDomain(xml(root), { file: 'test' }) }),
        release: vi.fn(),
      },
      runtime: { status: async () => ({ state: 'stopped' }), sweep: vi.fn(), undefine: vi.fn() },
      bus: { records: { update: async () => ({ status: 'ok', revision: 8 }) } },
      runner: { run: vi.fn(() => removal) },
      log: { warn: vi.fn() },
    };
    const request = {
      job: 'j',
      to: 'n2',
      revision: 7,
      spec: xml(root),
      brought: { [root]: 'of another disk' },
    };
    expect(
      await handOver(agent as unknown as Agent, 'app', {
        type: 'io.godwit.v1.container.hand-over.request',
        ...request,
      }),
    ).toEqual({ revision: 8 });
    await expect.poll(() => agent.runner.run.mock.calls.length).toBe(1);
    expect(readdirSync(home)).toEqual(['root.replaced-j']);
    expect(free).not.toHaveBeenCalled();
    removed({ exitCode: 0 });
    await expect.poll(() => free.mock.calls.length).toBe(1);
    expect(agent.log.warn).not.toHaveBeenCalled();
  } finally {
    rmSync(home, { recursive: true });
  }
});

it('keeps what the container did here, and of older copies what the node is set to', async () => {
  const home = mkdtempSync(join(tmpdir(), 'godwit-hand-over-'));
  try {
    const root = join(home, 'root');
    const [older, job] = ['zz1zz1zz1zz1', 'aa2aa2aa2aa2'] as const;
    for (const dir of [replacedAt(root, older), root]) {
      mkdirSync(dir);
      writeFileSync(join(dir, 'file'), '');
    }
    const spec = parseDomain(xml(root, 'keep'), { file: 'test' });
    const record = { name: 'app', owner: 'n1', epoch: 4, phase: 'stopped' };
    const agent = {
      config: { checkpoints: { replaced: 1 } },
      containers: { claim: () => vi.fn(), get: () => ({ record, spec }), release: vi.fn(), list: () => [] },
      arriving: new Map(),
      runtime: {
        status: async () => ({ state: 'stopped' }),
        sweep: vi.fn(),
        undefine: vi.fn(),
        list: async () => [],
      },
      bus: {
        records: {
          update: async () => ({ status: 'ok', revision: 8 }),
          list: async () => [{ record: { name: 'app', spec: xml(root) } }],
        },
      },
      runner: createRunner(),
      log: { info: vi.fn(), warn: vi.fn() },
    };
    await handOver(agent as unknown as Agent, 'app', {
      type: 'io.godwit.v1.container.hand-over.request',
      ...{ job, to: 'n2', revision: 7, spec: xml(root), brought: { [root]: 'of another disk' } },
    });
    await expect.poll(() => readdirSync(home), { timeout: 10_000 }).toEqual([`root.replaced-${job}`]);
    expect(agent.log.warn).not.toHaveBeenCalled();
  } finally {
    rmSync(home, { recursive: true });
  }
});
