import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { GodwitError } from '../../protocol/mod.ts';
import { noteTrees, type TreeNotes } from '../checkpoint/restore/tree-notes.ts';
import type { Agent } from '../migration/agent.ts';
import { JOURNAL_VERSION } from '../migration/journal.ts';
import { FakeRecords, sampleRecord } from '../testing/fake-records.ts';
import { LeftTrees } from './left-trees.ts';

it('reconciles the container though the store does not answer at first', async () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'godwit-left-'));
  const records = new FakeRecords();
  const before = records.put(sampleRecord({ phase: 'running' }));
  const { name, owner, spec } = before.record;
  const get = records.get.bind(records);
  let tries = 0;
  records.get = async (asked) => {
    if (++tries < 3) throw new GodwitError('STORE_UNAVAILABLE', { problem: 'no quorum' });
    return get(asked);
  };
  const notes: TreeNotes = {
    version: JOURNAL_VERSION,
    side: 'restore',
    job: 'j',
    container: name,
    checkpoint: '',
    xml: spec,
    before,
    withTrees: true,
    verdict: 'committed',
  };
  await noteTrees(stateDir, notes);
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const agent = {
    bus: { records },
    clock: { sleep: async () => {} },
    config: { stateDir, node: owner },
    containers: { claim: () => release, adopt: async () => {} },
    log: pino({ level: 'silent' }),
    runtime: { defined: async () => [name], status: async () => ({ name, state: 'stopped' }) },
  } as unknown as Agent;
  try {
    new LeftTrees(agent, [notes], new Set()).recover();
    await released;
    expect((await records.get(name))?.record.phase).toBe('stopped');
    expect(readdirSync(join(stateDir, 'restores'))).toEqual([]);
  } finally {
    rmSync(stateDir, { recursive: true });
  }
});
