import { describe, expect, it } from 'vitest';
import { GodwitError } from '../../protocol/errors.ts';
import { type Job, MigrateResult, OUTCOMES } from '../../protocol/job.ts';
import { endedJob } from '../../test/support/messages.ts';
import { recordedTerminal } from '../../test/support/terminal.ts';
import { createContext } from '../context.ts';
import { writeEnd } from './summary.ts';

async function ended(job: Job, flags: { json?: boolean } = {}) {
  const terminal = recordedTerminal();
  const code = await writeEnd(createContext(terminal, flags), job, { ndjson: false });
  return { code, out: terminal.stdout(), err: terminal.stderr() };
}

describe('writeEnd', () => {
  it('sums up a move that went well', async () => {
    const { code, out, err } = await ended(endedJob('done'));
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toBe(
      'web moved n1 -> n2 (postcopy) in 3.2 s\n' +
        '  downtime: 240 ms\n' +
        '  exposure: 1.1 s\n' +
        '  moved:    256.0 MiB memory, 1.1 MiB images\n' +
        '  job:      j1\n',
    );
  });

  it('shows the rounds of a move that had some', async () => {
    const round = { pagesSkipped: 0, durationMs: 2_600, frozenMs: 87 };
    const rounds = [
      { ...round, index: 1, pagesWritten: 65_552, bytes: 268_500_992 },
      { ...round, index: 2, pagesWritten: 131, bytes: 536_576 },
    ];
    const { out } = await ended(endedJob('done', { mode: 'precopy', rounds }));
    expect(out).toMatch(/^web moved n1 -> n2 \(precopy, 2 rounds\)/);
    expect(out).toMatch(/^ +ROUND +BYTES +PAGES +SKIPPED +TOOK +FROZEN$/m);
    expect(out).toMatch(/^ +1 +256\.1 MiB +65552 +0 +2\.6 s +87 ms$/m);
    expect(out).toMatch(/^ +2 +524\.0 KiB +131 +0 +2\.6 s +87 ms$/m);
  });

  it.each([
    ['done', 0],
    ['failed', 1],
    ['aborted', 1],
    ['refused', 8],
    ['timeout', 124],
    ['in-doubt', 9],
    ['lost', 9],
  ] as const)('gives a document with --json and the exit code when %s', async (outcome, code) => {
    const result = await ended(endedJob(outcome), { json: true });
    expect(result.code).toBe(code);
    expect(MigrateResult.parse(JSON.parse(result.out)).outcome).toBe(outcome);
  });

  it.each(OUTCOMES.filter((outcome) => outcome !== 'done'))(
    'says on stderr what %s means',
    async (outcome) => {
      const { out, err } = await ended(endedJob(outcome));
      expect(out).toBe('');
      expect(err).toMatch(/^godwit: the (move|outcome|container) .+\njob j1: web n1 -> n2, [a-z-]+\n$/);
    },
  );

  it('gives the error, its hint and what CRIU said', async () => {
    const error = new GodwitError('RESTORE_FAILED', {
      target: 'n2',
      problem: 'exit 1',
      cure: 'Add br0.',
    }).toWire();
    const { err } = await ended(endedJob('failed', { error: { ...error }, log: ['Error (x.c:1): no br0'] }));
    expect(err).toBe(
      'godwit: restore on n2 failed: exit 1\n' +
        'hint: The container runs on at the source. Add br0.\n' +
        '  criu: Error (x.c:1): no br0\n' +
        'job j1: web n1 -> n2, failed\n',
    );
  });

  it('keeps the text of an error it does not know', async () => {
    const { err } = await ended(endedJob('failed', { error: { code: 'NEWER', message: 'the flux is off' } }));
    expect(err).toContain('(the flux is off)');
  });
});
