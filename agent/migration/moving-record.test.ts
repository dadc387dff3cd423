import { expect, test } from 'vitest';
import { systemClock } from '../effects/system-clock.ts';
import { FakeRecords, sampleRecord } from '../testing/fake-records.ts';
import { MovingRecord } from './moving-record.ts';

const job = { id: 'job', source: 'n1', target: 'n2', mode: 'postcopy' } as const;
const moveAt = (revision: number) => ({
  job: 'job',
  container: 'web',
  source: 'n1',
  target: 'n2',
  epoch: 1,
  revision,
  pagesFollow: true,
});

test.each([
  ['source', { owner: 'n1', epoch: 3, phase: 'switching' }],
  ['target', { owner: 'n2', epoch: 2, phase: 'stopped' }],
] as const)(
  "an agent that has just restarted can do what an operator decides: the %s's",
  async (keep, becomes) => {
    const records = new FakeRecords();
    const { revision } = records.put(sampleRecord());
    records.put(sampleRecord({ owner: 'n2', epoch: 2, phase: 'lost', job }));
    const record = new MovingRecord(records, systemClock, moveAt(revision));
    expect(await record.resolve(keep)).toBe('ok');
    expect((await records.get('web'))?.record).toMatchObject(becomes);
  },
);

test('an agent that has just restarted reads a record before it answers for it', async () => {
  const records = new FakeRecords();
  const given = records.put(sampleRecord({ owner: 'n2', epoch: 2, phase: 'stopped' }));
  const record = new MovingRecord(records, systemClock, moveAt(0));
  expect(() => record.current).toThrow('never read');
  expect(await record.known()).toEqual(given);
});

test.each(['source', 'target'] as const)(
  "an operator's decision for the %s comes too late when the target has every page, though this agent learns of it only now",
  async (keep) => {
    const records = new FakeRecords();
    const { revision } = records.put(sampleRecord());
    const done = records.put(sampleRecord({ owner: 'n2', epoch: 2 }));
    const record = new MovingRecord(records, systemClock, moveAt(revision));
    expect(await record.resolve(keep)).toBe('conflict');
    expect(await records.get('web')).toEqual(done);
  },
);
