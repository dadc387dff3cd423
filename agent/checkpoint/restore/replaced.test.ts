import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { parseDomain } from '../../../protocol/domain/mod.ts';
import { createRunner } from '../../effects/system-runner.ts';
import type { Agent } from '../../migration/agent.ts';
import { replacedAt, trimReplaced } from './replaced.ts';

let home: string;
let root: string;
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'godwit-replaced-'));
  root = join(home, 'web');
  for (const job of ['zz1', 'aa2', 'mm3', 'bb4']) {
    mkdirSync(replacedAt(root, job));
    writeFileSync(join(replacedAt(root, job), 'file'), job);
    // What it was last changed inside says nothing of when it was replaced.
    utimesSync(replacedAt(root, job), 0, 0);
    await sleep(20);
  }
  for (const other of ['web', 'web.replaced-By-hand', 'web.replaced-', 'web2.replaced-aa1', 'web.migrated'])
    mkdirSync(join(home, other));
  writeFileSync(join(home, 'web.replaced-file'), '');
});
afterEach(() => rmSync(home, { recursive: true }));

const using = (path: string) =>
  parseDomain(
    `<domain type='lxc'><name>other</name><memory unit='MiB'>64</memory><os><type>exe</type><init>/bin/app</init></os>
    <devices><filesystem type='mount'><source dir='${path}'/><target dir='/'/></filesystem></devices></domain>`,
    { file: 'test' },
  );

async function trimmed(replaced: number | undefined, used?: string): Promise<string[]> {
  const before = readdirSync(home);
  const agent = {
    config: { checkpoints: { replaced } },
    runner: createRunner(),
    containers: { list: () => (used ? [{ spec: using(used) }] : []) },
    log: { info: vi.fn() },
  };
  await trimReplaced(agent as unknown as Agent, root);
  const after = readdirSync(home);
  return before.filter((name) => !after.includes(name));
}

it.each([
  ['nothing without a setting', undefined, []],
  ['nothing where there are no more', 4, []],
  ['the oldest ones', 2, ['web.replaced-aa2', 'web.replaced-zz1']],
  ['all of them', 0, ['web.replaced-aa2', 'web.replaced-bb4', 'web.replaced-mm3', 'web.replaced-zz1']],
])('removes %s, and nothing else', async (_, keep, gone) => {
  expect(await trimmed(keep)).toEqual(gone);
});

it('leaves what a container of the node uses', async () => {
  expect(await trimmed(1, join(home, 'web.replaced-aa2'))).toEqual(['web.replaced-mm3', 'web.replaced-zz1']);
});
