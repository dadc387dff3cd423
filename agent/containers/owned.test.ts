import { beforeEach, describe, expect, it } from 'vitest';
import { GodwitError } from '../../protocol/mod.ts';
import { FakeRecords, sampleRecord } from '../testing/fake-records.ts';
import { OwnedContainers } from './owned.ts';

let records: FakeRecords;
let served: string[];
let containers: OwnedContainers;
beforeEach(async () => {
  records = new FakeRecords();
  served = [];
  containers = new OwnedContainers(records, async (name) => {
    served.push(name);
    return { stop: async () => void served.splice(served.indexOf(name), 1) };
  });
  await containers.adopt(records.put(sampleRecord()));
});

const stopped = (record: ReturnType<typeof sampleRecord>) => ({ ...record, phase: 'stopped' }) as const;

describe('adopt and release', () => {
  it('answers for a container exactly as long as it is owned, and once', async () => {
    await containers.adopt(records.put(sampleRecord({ epoch: 2 })));
    expect(served).toEqual(['web']);
    expect(containers.get('web').record.epoch).toBe(2);
    await containers.release('web');
    expect(served).toEqual([]);
    expect(() => containers.get('web')).toThrow(expect.objectContaining({ code: 'CONTAINER_NOT_FOUND' }));
  });
});

describe('change', () => {
  it('writes on top of what somebody else wrote while the owner is the same', async () => {
    records.put(sampleRecord({ spec: sampleRecord({ name: 'web' }).spec.replace('64', '96') }));
    const { record } = await containers.change('web', stopped);
    expect(record).toMatchObject({ phase: 'stopped', spec: expect.stringContaining('96') });
    expect((await records.get('web'))?.record).toEqual(record);
  });

  it.each([{ owner: 'n2' }, { epoch: 2 }])('gives up when the record became another: %o', async (part) => {
    const theirs = records.put(sampleRecord(part));
    await expect(containers.change('web', stopped)).rejects.toMatchObject({ code: 'RECORD_CONFLICT' });
    expect(await records.get('web')).toEqual(theirs);
  });

  it.each(['unknown-applied', 'unknown-lost'] as const)(
    'gets through when an answer is lost: %s',
    async (how) => {
      records.answer(how);
      const { revision } = await containers.change('web', stopped);
      expect(await records.get('web')).toMatchObject({ revision, record: { phase: 'stopped' } });
    },
  );
});

describe('refresh', () => {
  it('learns the revision of a record that somebody else wrote as it was', async () => {
    const again = records.put(sampleRecord());
    expect(containers.get('web').revision).toBeLessThan(again.revision);
    expect(await containers.refresh('web')).toMatchObject({ revision: again.revision });
    expect(containers.get('web').revision).toBe(again.revision);
  });

  it.each([{ owner: 'n2' }, { epoch: 2 }])(
    'leaves another owner to whoever learns of it: %o',
    async (part) => {
      const before = containers.get('web');
      records.put(sampleRecord(part));
      expect(await containers.refresh('web')).toEqual(before);
    },
  );

  it('goes by what it knows when the store does not answer', async () => {
    const before = containers.get('web');
    records.get = () => Promise.reject(new GodwitError('STORE_UNAVAILABLE', { problem: 'no answer' }));
    expect(await containers.refresh('web')).toEqual(before);
  });
});

describe('claim', () => {
  it('lets one in at a time and names who is inside', async () => {
    const release = containers.claim('web', 'j1');
    await expect(containers.exclusively('web', 'stop', async () => {})).rejects.toMatchObject({
      code: 'CONTAINER_BUSY',
      details: { job: 'j1' },
    });
    release();
    await expect(containers.exclusively('web', 'stop', () => Promise.reject(new Error('x')))).rejects.toThrow(
      'x',
    );
    expect(containers.holder('web')).toBeUndefined();
  });
});

describe('released', () => {
  it('lets others wait until the holder lets go', async () => {
    await containers.released('web');
    const release = containers.claim('web', 'reconcile');
    let waited = false;
    const waiting = containers.released('web').then(() => {
      waited = true;
    });
    await Promise.resolve();
    expect(waited).toBe(false);
    release();
    await waiting;
    expect(containers.holder('web')).toBeUndefined();
  });
});
