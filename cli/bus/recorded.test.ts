import { describe, expect, it } from 'vitest';
import { subjects } from '../../protocol/subjects.ts';
import { container, nodeInfo } from '../../test/support/messages.ts';
import { allRecorded } from './recorded.ts';
import type { Session } from './session.ts';

const MARK = Buffer.from('NATS/1.0\r\nKV-Operation: DEL\r\n\r\n').toString('base64');
const BUCKET = '$KV.godwit_lab_containers.';

/** A session to a JetStream that has these keys; a key's value is the header of its last message. */
function asking(keys: Readonly<Record<string, string | undefined>>, numSubjects = Object.keys(keys).length) {
  const looked: string[] = [];
  const answers: Record<string, (body: { last_by_subj: string }) => unknown> = {
    '$JS.API.STREAM.INFO.KV_godwit_lab_containers': () => ({
      state: {
        num_subjects: numSubjects,
        subjects: Object.fromEntries(Object.keys(keys).map((key) => [BUCKET + key, 1])),
      },
    }),
    '$JS.API.STREAM.MSG.GET.KV_godwit_lab_containers': ({ last_by_subj: key }) => {
      looked.push(key);
      return { message: { subject: key, hdrs: keys[key.slice(BUCKET.length)] } };
    },
  };
  const nats = {
    request: async (subject: string, body: string) => ({ json: () => answers[subject]?.(JSON.parse(body)) }),
  };
  const session = { cluster: 'lab', nats, subjects: subjects('lab') } as unknown as Session;
  return { whole: allRecorded(session), looked };
}

const node = (...names: string[]) =>
  nodeInfo('n1', { containers: names.map((name) => container({ name, owner: 'n1' })) });

describe('allRecorded', () => {
  it('is told by answers that have every container of the records', async () => {
    const { whole, looked } = asking({ web: undefined, db__1: undefined });
    expect(await whole([node('web')])).toBe(false);
    expect(await whole([node('web'), node('db_1', 'not-recorded')])).toBe(true);
    expect(looked).toEqual([`${BUCKET}db__1`]);
  });

  it('looks at a key once, however many answers lack it', async () => {
    const { whole, looked } = asking({ web: undefined, db: undefined, gone: MARK });
    for (let answers = 0; answers < 3; answers += 1) expect(await whole([node('web')])).toBe(false);
    expect(looked).toEqual([`${BUCKET}db`, `${BUCKET}gone`]);
    expect(await whole([node('web', 'db')])).toBe(true);
  });

  it('does not wait for what was undefined', async () => {
    const { whole } = asking({ web: undefined, gone: MARK });
    expect(await whole([node('web')])).toBe(true);
  });

  it('needs nobody where there are no containers', async () => {
    expect(await asking({}).whole([node()])).toBe(true);
  });

  it('is never told when the records were not told whole', async () => {
    await expect(asking({ web: undefined }, 2).whole([node('web')])).rejects.toThrow(/not all told/);
  });

  it('looks at a few keys only', async () => {
    const { whole, looked } = asking(
      Object.fromEntries(Array.from({ length: 17 }, (_none, index) => [`c${index}`, MARK])),
    );
    expect(await whole([node()])).toBe(false);
    expect(looked).toEqual([]);
  });
});
