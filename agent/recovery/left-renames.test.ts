import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { GodwitError } from '../../protocol/mod.ts';
import type { Versioned } from '../bus/bus.ts';
import { noteRename } from '../containers/rename-notes.ts';
import type { Agent } from '../migration/agent.ts';
import { FakeRecords, sampleRecord } from '../testing/fake-records.ts';
import { finishRenames } from './left-renames.ts';

let stateDir: string;
let records: FakeRecords;
let defined: Set<string>;
let old: Versioned;
beforeEach(async () => {
  stateDir = mkdtempSync(join(tmpdir(), 'godwit-renames-'));
  records = new FakeRecords();
  defined = new Set(['web']);
  old = records.put(sampleRecord({ phase: 'stopped' }));
  records.put(sampleRecord({ phase: 'stopped', name: 'shop' }));
  await noteRename(stateDir, { name: 'web', wanted: 'shop', uuid: old.record.uuid, revision: old.revision });
});
afterEach(() => rmSync(stateDir, { recursive: true }));

const finish = () =>
  finishRenames({
    bus: { records },
    clock: { sleep: async () => {} },
    config: { stateDir, node: old.record.owner },
    log: pino({ level: 'silent' }),
    runtime: {
      define: async ({ name }: { name: string }) => void defined.add(name),
      undefine: async (name: string) => void defined.delete(name),
      sweep: async () => {},
    },
  } as unknown as Agent);

/** The rename is over; nobody answers for the old name. */
async function over(): Promise<void> {
  expect(await finish()).toBe(true);
  expect((await records.list()).map(({ record }) => record.name)).toEqual(['shop']);
  expect([...defined]).toContain('shop');
  expect([...defined]).not.toContain('web');
  expect(readdirSync(join(stateDir, 'renames'))).toEqual([]);
}

it.each(['web', 'shop'])(
  'waits for a store that does not answer for %s when its cluster starts',
  async (silent) => {
    const get = records.get.bind(records);
    let tries = 0;
    records.get = async (name) => {
      if (name === silent && ++tries < 5)
        throw new GodwitError('STORE_UNAVAILABLE', { problem: 'no quorum' });
      return get(name);
    };
    await over();
    expect(tries).toBeGreaterThanOrEqual(5);
  },
);

it('waits for a store that does not say whether the old record is gone', async () => {
  records.answer('unknown-lost', 'unknown-lost', 'unknown-lost', 'unknown-lost', 'unknown-applied');
  await over();
});

it('leaves both names to their operator when the old one was used since', async () => {
  records.put({ ...old.record, epoch: 2 });
  expect(await finish()).toBe(false);
  expect(await records.list()).toHaveLength(2);
  expect(readdirSync(join(stateDir, 'renames'))).toEqual(['web.json']);
});
