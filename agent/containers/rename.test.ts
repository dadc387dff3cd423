import { beforeEach, describe, expect, it } from 'vitest';
import type { CasResult } from '../bus/bus.ts';
import type { Clock } from '../effects/clock.ts';
import { FakeRecords, sampleRecord } from '../testing/fake-records.ts';
import { OwnedContainers } from './owned.ts';
import { renameContainer } from './rename.ts';

let records: FakeRecords;
let containers: OwnedContainers;
let defined: Set<string>;
let fails: string | undefined;
beforeEach(async () => {
  records = new FakeRecords();
  containers = new OwnedContainers(records, async () => ({ stop: async () => {} }));
  await containers.adopt(records.put(sampleRecord({ phase: 'stopped' })));
  defined = new Set(['web']);
  fails = undefined;
});

const rename = () =>
  renameContainer(
    {
      bus: { records },
      clock: { sleep: async () => {} } as Partial<Clock> as Clock,
      runtime: {
        define: async ({ name }) => {
          if (fails) throw new Error(fails);
          defined.add(name);
        },
        undefine: async (name) => void defined.delete(name),
        sweep: async () => {},
      },
      containers,
    },
    'web',
    'shop',
  );
const names = async () => ({
  records: (await records.list()).map(({ record }) => record.name).sort(),
  owned: containers
    .list()
    .map(({ record }) => record.name)
    .sort(),
  defined: [...defined].sort(),
});
const all = (...wanted: string[]) => ({ records: wanted, owned: wanted, defined: wanted });
/** From now on the store says nothing of removals. */
const silent = (what: (name: string) => 'lost' | 'applied' | 'answered') => {
  const remove = records.remove.bind(records);
  records.remove = async (name, revision): Promise<CasResult> => {
    const how = what(name);
    if (how !== 'lost') {
      const result = await remove(name, revision);
      if (how === 'answered') return result;
    }
    return { status: 'unknown', problem: 'no answer' };
  };
};

describe('when answers are lost', () => {
  it.each([['unknown-applied'], ['unknown-lost'], ['unknown-lost', 'unknown-applied']] as const)(
    'finds out whether the new record was created: %s',
    async (...how) => {
      records.answer(...how);
      await rename();
      expect(await names()).toEqual(all('shop'));
      expect(containers.get('shop').revision).toBe((await records.get('shop'))?.revision);
    },
  );

  it.each(['unknown-applied', 'unknown-lost'] as const)(
    'finds out whether the old record was removed: %s',
    async (how) => {
      const create = records.create.bind(records);
      records.create = async (record) => {
        const created = await create(record);
        records.answer(how);
        return created;
      };
      await rename();
      expect(await names()).toEqual(all('shop'));
    },
  );

  it.each(['lost', 'applied'] as const)(
    'keeps both names when nobody ever says whether the old record is gone: %s',
    async (how) => {
      silent(() => how);
      const error = await rename().catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'STORE_UNAVAILABLE' });
      expect((error as Error).message).toContain('`godwit undefine web`');
      const both = all('shop', 'web');
      expect(await names()).toEqual({ ...both, records: how === 'lost' ? both.records : ['shop'] });
    },
  );

  it('says what to do when nobody says whether the new record was created, and goes on with it', async () => {
    records.answer('unknown-lost', 'unknown-lost', 'unknown-applied');
    await expect(rename()).rejects.toThrow(/rename it again/);
    expect(await names()).toEqual({ ...all('web'), records: ['shop', 'web'] });
    await rename();
    expect(await names()).toEqual(all('shop'));
  });
});

describe('when it fails half-way', () => {
  it('takes the new record back, though its removal is not answered at first', async () => {
    fails = 'no room';
    let asked = 0;
    silent(() => (++asked === 1 ? 'applied' : 'answered'));
    await expect(rename()).rejects.toThrow('no room');
    expect(await names()).toEqual(all('web'));
  });

  it('says so when the new record may be left, and goes on with it when asked again', async () => {
    fails = 'no room';
    let quiet = true;
    silent(() => (quiet ? 'lost' : 'answered'));
    await expect(rename()).rejects.toThrow(/rename it again/);
    fails = undefined;
    quiet = false;
    await rename();
    expect(await names()).toEqual(all('shop'));
  });

  it('keeps the old name when somebody else has changed its record', async () => {
    records.put(sampleRecord({ phase: 'stopped', epoch: 2 }));
    await expect(rename()).rejects.toMatchObject({ code: 'RECORD_CONFLICT' });
    expect(await names()).toEqual(all('web'));
  });

  it('takes nobody else’s name', async () => {
    records.put(sampleRecord({ name: 'shop', owner: 'n2', uuid: '6f1b6f0e-6a6e-4a53-9a52-0d1f6a1f6b02' }));
    await expect(rename()).rejects.toMatchObject({ code: 'CONTAINER_EXISTS' });
    expect(await names()).toEqual({ ...all('web'), records: ['shop', 'web'] });
  });
});
