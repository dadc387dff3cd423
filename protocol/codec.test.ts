import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { decode, encode } from './codec.ts';
import { GodwitError } from './errors.ts';
import { Job, MigrateResult } from './job.ts';
import { LIMITS } from './limits.ts';
import { MigrateRequest } from './messages/container.ts';
import { CloudEvent } from './messages/event.ts';
import { EXCHANGES } from './messages/exchanges.ts';
import { JobEvent } from './messages/job.ts';
import { Announce, CommitRequest } from './messages/node.ts';
import { ContainerRecord } from './record.ts';

const SUBJECT = 'godwit.v1.lab.node.n1.commit';
const commit = {
  type: 'io.godwit.v1.node.commit.request',
  job: 'j1',
  container: 'redis',
  epoch: 3,
  revision: 7,
} as const;
const everySchema: readonly z.ZodType[] = [
  ...Object.values(EXCHANGES).flatMap((family) =>
    Object.values(family).flatMap(({ request, reply }: { request: z.ZodType; reply: z.ZodType }) => [
      request,
      reply,
    ]),
  ),
  ...[Announce, CloudEvent, ContainerRecord, Job, JobEvent, MigrateResult],
];

function problemOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof GodwitError) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'nothing thrown';
}

describe('decode', () => {
  test('gives the message back, without keys it does not know and with defaults', () => {
    expect(decode(CommitRequest, SUBJECT, { ...commit, later: [1] })).toEqual(commit);
    expect(
      decode(MigrateRequest, SUBJECT, { type: 'io.godwit.v1.container.migrate.request', dryRun: true }),
    ).toMatchObject({ dryRun: true, unsafe: false, timeoutMs: LIMITS.moveMs });
  });

  test.each<[string, unknown, string]>([
    ['nothing', undefined, 'the whole message: '],
    ['null', null, 'the whole message: '],
    ['text', '{}', 'the whole message: '],
    ['a list', [commit], 'the whole message: '],
    ['another version', { ...commit, type: 'io.godwit.v2.node.commit.request' }, 'type: '],
    ['another message', { ...commit, type: 'io.godwit.v1.node.abort.request' }, 'type: '],
    ['a missing key', { ...commit, job: undefined }, 'job: '],
    ['a wrong type', { ...commit, epoch: '3' }, 'epoch: '],
    ['a fraction', { ...commit, revision: 0.5 }, 'revision: '],
    ['infinity', { ...commit, epoch: Number.POSITIVE_INFINITY }, 'epoch: '],
  ])('%s is refused with its path', (_what, body, path) => {
    const text = problemOf(() => decode(CommitRequest, SUBJECT, body));
    expect(text.startsWith(`MESSAGE_INVALID the message on ${SUBJECT} was refused: ${path}`)).toBe(true);
  });

  test('a path names members and indexes', () => {
    const schema = z.object({ devices: z.array(z.object({ mac: z.string() })) });
    expect(problemOf(() => decode(schema, SUBJECT, { devices: [{ mac: 'a' }, { mac: 1 }] }))).toContain(
      'refused: devices[1].mac: ',
    );
  });

  test('many problems make a short message', () => {
    const schema = z.array(z.string());
    const text = problemOf(() =>
      decode(
        schema,
        SUBJECT,
        Array.from({ length: 10_000 }, () => 1),
      ),
    );
    expect(text).toContain('and 9996 more');
    expect(text.length).toBeLessThan(600);
  });

  test('a member called __proto__ changes no prototype', () => {
    const body: unknown = JSON.parse('{"__proto__": {"job": "j1"}, "type": "x", "constructor": {"a": 1}}');
    expect(problemOf(() => decode(CommitRequest, SUBJECT, body))).toMatch(/^MESSAGE_INVALID /);
    expect(({} as Record<string, unknown>).job).toBeUndefined();
  });

  test('arbitrary JSON is decoded or refused as MESSAGE_INVALID by every schema', () => {
    const types = [
      'io.godwit.v1.ok',
      ...everySchema.map((schema) => String((schema as z.ZodObject).shape.type?.def?.values?.[0])),
    ];
    const body = fc.oneof(
      fc.jsonValue(),
      fc.tuple(fc.constantFrom(...types), fc.dictionary(fc.string(), fc.jsonValue())).map(([type, rest]) => ({
        ...rest,
        type,
      })),
    );
    fc.assert(
      fc.property(fc.constantFrom(...everySchema), body, (schema, value) => {
        try {
          decode(schema, SUBJECT, value);
        } catch (error) {
          if (!(error instanceof GodwitError)) throw error;
          expect(error.code).toBe('MESSAGE_INVALID');
          expect(error.details.subject).toBe(SUBJECT);
        }
      }),
      { numRuns: 500 },
    );
  }, 60_000);

  test('one wrong member anywhere is found', () => {
    const keys = Object.keys(commit);
    fc.assert(
      fc.property(fc.constantFrom(...keys), fc.constantFrom(null, true, [], {}, -0.5), (key, value) => {
        expect(problemOf(() => decode(CommitRequest, SUBJECT, { ...commit, [key]: value }))).toContain(
          `refused: ${key}: `,
        );
      }),
    );
  });

  test('JSON nested very deep is refused, not a stack overflow', () => {
    const deep: unknown = JSON.parse(`${'['.repeat(5_000)}${']'.repeat(5_000)}`);
    expect(problemOf(() => decode(CommitRequest, SUBJECT, deep))).toMatch(/^MESSAGE_INVALID /);
    expect(problemOf(() => decode(CommitRequest, SUBJECT, { ...commit, job: deep }))).toContain('job: ');
  });
});

describe('encode', () => {
  test('what it writes is decoded to the same message', () => {
    expect(decode(CommitRequest, SUBJECT, JSON.parse(encode(CommitRequest, SUBJECT, commit)))).toEqual(
      commit,
    );
  });

  test('a message that its own schema refuses is not sent', () => {
    const wrong = { ...commit, epoch: 'three' } as unknown as typeof commit;
    expect(problemOf(() => encode(CommitRequest, SUBJECT, wrong))).toContain('epoch: ');
  });

  test('the limit counts bytes and is exact', () => {
    const schema = z.object({ text: z.string() });
    const room = LIMITS.messageBytes - '{"text":""}'.length;
    expect(encode(schema, SUBJECT, { text: 'x'.repeat(room) })).toHaveLength(LIMITS.messageBytes);
    expect(problemOf(() => encode(schema, SUBJECT, { text: 'x'.repeat(room - 1).concat('é') }))).toBe(
      `MESSAGE_TOO_LARGE the message of ${LIMITS.messageBytes + 1} bytes is over the limit of ${LIMITS.messageBytes}`,
    );
  });

  test('what JSON cannot say is refused', () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    for (const data of [10n, cycle]) {
      const event = { specversion: '1.0', id: '1', source: 's', type: 't', time: 'now', data } as const;
      expect(problemOf(() => encode(CloudEvent, SUBJECT, event))).toContain('cannot be written as JSON');
    }
  });
});
