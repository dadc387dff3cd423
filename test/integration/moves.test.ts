import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Program, Word } from './support/fake-nodes.ts';
import { type MoveLab, startMoveLab, words } from './support/moves.ts';

let lab: MoveLab;
beforeAll(async () => {
  lab = await startMoveLab();
});
afterEach(() => {
  lab.source.behave();
  lab.target.behave();
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

let count = 0;

/** A container that runs on the source, and the pid of its one task. */
async function running(): Promise<{ name: string; pid: number | undefined }> {
  count += 1;
  const name = `c${count}`;
  await lab.run(name);
  return { name, pid: lab.source.tasks(name)[0] };
}

const nodeOf = (program: Program) => (program === 'dump' || program === 'pre-dump' ? lab.source : lab.target);
const abort = (job: string) =>
  lab.bus.request(words.job(job, 'abort'), { type: 'io.godwit.v1.job.abort.request', reason: 'enough' });

describe('a move that nothing disturbs', () => {
  it.each(['cold', 'precopy', 'postcopy'] as const)(
    '%s: changes the owner once, leaves nothing',
    async (mode) => {
      const { name, pid } = await running();
      const job = await lab.ended(await lab.migrate(name, { mode }));
      expect(job.error).toBeUndefined();
      expect(job).toMatchObject({ outcome: 'done', mode, source: 'n1', target: 'n2' });
      // What follows is read from real tasks, and the fake ones have no memory.
      if (mode !== 'postcopy') expect(job.bytes.memory).toBeGreaterThanOrEqual(256 * 1024);
      expect(job.downtimeMs).toBeGreaterThan(0);

      const { container } = await lab.info(name);
      expect(container).toMatchObject({ owner: 'n2', epoch: 2, phase: 'running', state: 'running' });
      expect(lab.target.tasks(name)).toEqual([container.pid]);
      expect(lab.source.tasks(name)).toEqual([]);
      expect(() => process.kill(pid ?? -1, 0)).toThrow();
      await lab.swept(job);
    },
  );
});

describe('a chain of rounds that criu finds broken', () => {
  it.each([
    ['at the source', 'dump'],
    ['at the target', 'page-server'],
  ] as const)('%s: the move begins once more without rounds', async (_where, program) => {
    const { name } = await running();
    nodeOf(program).tell(program, 'chain');
    const job = await lab.ended(await lab.migrate(name, { mode: 'precopy', iterations: 1 }));
    expect(job.error).toBeUndefined();
    expect(job).toMatchObject({ outcome: 'done', mode: 'cold' });
    expect(job.phases.filter((phase) => phase.name === 'round 1')).toHaveLength(1);
    expect((await lab.info(name)).container).toMatchObject({ owner: 'n2', state: 'running' });
    await lab.swept(job);
  });
});

it.each(['cold', 'postcopy'] as const)(
  'a %s move whose dump meets what is there for a moment begins once more',
  async (mode) => {
    const { name } = await running();
    lab.source.tell('dump', 'moment');
    const job = await lab.ended(await lab.migrate(name, { mode }));
    expect(job.error).toBeUndefined();
    expect(job).toMatchObject({ outcome: 'done', mode });
    expect(job.phases.filter((phase) => phase.name === 'dump')).toHaveLength(2);
    expect((await lab.info(name)).container).toMatchObject({ owner: 'n2', state: 'running' });
    await lab.swept(job);
  },
);

describe('a program that fails', () => {
  const cases: [Program, 'cold' | 'precopy' | 'postcopy', Word, string, RegExp][] = [
    ['dump', 'cold', 'fail', 'DUMP_FAILED', /the fake was told to fail/],
    ['dump', 'cold', 'silent', 'DUMP_FAILED', /exit code 1/],
    ['dump', 'cold', 'garbage', 'DUMP_FAILED', /exit code 1/],
    ['dump', 'cold', 'die', 'DUMP_FAILED', /SIGKILL/],
    ['dump', 'cold', 'lie', 'DUMP_FAILED', /exit code 0/],
    ['dump', 'postcopy', 'fail', 'DUMP_FAILED', /the fake was told to fail/],
    ['dump', 'postcopy', 'die', 'DUMP_FAILED', /SIGKILL/],
    ['pre-dump', 'precopy', 'fail', 'DUMP_FAILED', /the fake was told to fail/],
    ['pre-dump', 'precopy', 'die', 'DUMP_FAILED', /SIGKILL/],
    ['page-server', 'precopy', 'fail', 'RESTORE_FAILED', /the fake was told to fail/],
    ['dump', 'precopy', 'fail', 'DUMP_FAILED', /the fake was told to fail/],
    ['page-server', 'cold', 'fail', 'RESTORE_FAILED', /the fake was told to fail/],
    ['page-server', 'cold', 'die', 'RESTORE_FAILED', /page-server ended/],
    ['restore', 'cold', 'fail', 'RESTORE_FAILED', /the fake restore was told to fail/],
    ['restore', 'cold', 'garbage', 'RESTORE_FAILED', /ended with 1/],
    ['restore', 'cold', 'die', 'RESTORE_FAILED', /SIGKILL/],
    ['restore', 'cold', 'lie', 'RESTORE_FAILED', /ended with 0/],
    ['restore', 'postcopy', 'fail', 'RESTORE_FAILED', /the fake restore was told to fail/],
    ['restore', 'postcopy', 'die', 'RESTORE_FAILED', /SIGKILL/],
  ];

  it.each(cases)('%s (%s) that does "%s" ends as %s', async (program, mode, word, code, message) => {
    const { name, pid } = await running();
    nodeOf(program).tell(program, word);
    const job = await lab.ended(await lab.migrate(name, { mode }));
    expect(job).toMatchObject({
      outcome: 'failed',
      error: { code, message: expect.stringMatching(message) },
    });
    if (word === 'fail') expect(job.log.join('\n')).toMatch(message);
    await lab.untouched(job, pid);
  });

  it('can be tried again at once, and then works', async () => {
    const { name, pid } = await running();
    lab.target.tell('restore', 'fail');
    await lab.untouched(await lab.ended(await lab.migrate(name)), pid);
    lab.target.behave();
    expect((await lab.ended(await lab.migrate(name))).outcome).toBe('done');
    expect((await lab.info(name)).container).toMatchObject({ owner: 'n2', epoch: 2 });
  });
});

describe('a program that hangs', () => {
  const programs: [Program, 'cold' | 'precopy' | 'postcopy'][] = [
    ['pre-dump', 'precopy'],
    ['dump', 'cold'],
    ['dump', 'postcopy'],
    ['page-server', 'cold'],
    ['restore', 'cold'],
    ['restore', 'postcopy'],
  ];

  it.each(programs)('%s (%s) is ended by an abort', async (program, mode) => {
    const { name, pid } = await running();
    nodeOf(program).tell(program, 'hang');
    const id = await lab.migrate(name, { mode });
    await expect.poll(() => nodeOf(program).reached(program), { timeout: 20_000 }).toBe(true);
    await abort(id);
    const job = await lab.ended(id);
    expect(job).toMatchObject({
      outcome: 'aborted',
      error: { code: 'MOVE_ABORTED', message: expect.stringContaining('enough') },
    });
    await lab.untouched(job, pid);
    await expect(abort(id)).rejects.toMatchObject({ code: 'JOB_STATE' });
  });

  it.each([
    ['dump', 'cold'],
    ['restore', 'postcopy'],
  ] as const)('%s (%s) is ended by the time limit', async (program, mode) => {
    const { name, pid } = await running();
    nodeOf(program).tell(program, 'hang');
    const job = await lab.ended(await lab.migrate(name, { mode, timeoutMs: 6_000 }));
    expect(nodeOf(program).reached(program)).toBe(true);
    expect(job).toMatchObject({ outcome: 'timeout', error: { code: 'MOVE_TIMEOUT' } });
    await lab.untouched(job, pid);
  });
});
