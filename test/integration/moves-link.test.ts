import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MoveLab, startMoveLab } from './support/moves.ts';

let lab: MoveLab;
beforeAll(async () => {
  lab = await startMoveLab();
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

const MODES = ['cold', 'precopy', 'postcopy'] as const;
type Mode = (typeof MODES)[number];
let count = 0;

/** A move whose link does this when so many bytes have come through; ends when the job has. */
async function moveWhile(mode: Mode, bytes: number, action: () => void) {
  count += 1;
  const name = `c${count}`;
  await lab.run(name);
  const [pid] = lab.source.tasks(name);
  let happened = false;
  lab.link.after(bytes, () => {
    happened = true;
    action();
  });
  const job = await lab.ended(await lab.migrate(name, { mode, iterations: 1 }));
  lab.link.after(Number.POSITIVE_INFINITY, () => {});
  expect(happened).toBe(true);
  return { job, name, pid };
}

async function expectMoved(mode: Mode, bytes: number, action: () => void): Promise<void> {
  const { job, name } = await moveWhile(mode, bytes, action);
  expect(job.error).toBeUndefined();
  expect(job).toMatchObject({ outcome: 'done', mode });
  expect((await lab.info(name)).container).toMatchObject({ owner: 'n2', phase: 'running', state: 'running' });
  await lab.swept(job);
}

// In the handshakes, in the memory, at its end, in the images: a move carries a quarter of a megabyte of memory, but for
// post-copy, whose tasks have none here that could follow.
const WITH_MEMORY = [1, 700, 1_500, 40_000, 200_000, 262_800, 263_500];
const PLACES = { cold: WITH_MEMORY, precopy: WITH_MEMORY, postcopy: [1, 350, 700, 1_000] };

describe.each(MODES)('a %s move over a link that breaks', (mode) => {
  it.each(PLACES[mode])('after %d bytes goes on', async (bytes) => {
    await expectMoved(mode, bytes, () => lab.link.reset());
  });

  it('again and again goes on', async () => {
    const again = () => {
      lab.link.reset();
      lab.link.after(mode === 'postcopy' ? 2_000 : 30_000, again);
    };
    await expectMoved(mode, 300, again);
  });

  it('silently for five seconds goes on', async () => {
    await expectMoved(mode, mode === 'postcopy' ? 900 : 100_000, () => {
      lab.link.cut();
      setTimeout(() => lab.link.mend(), 5_000);
    });
  });
});

it('a link that stays cut before the commit leaves the container running at the source', async () => {
  const { job, pid } = await moveWhile('cold', 100_000, () => lab.link.cut());
  lab.link.mend();
  expect(job).toMatchObject({ outcome: 'failed' });
  expect(job.error?.code).toMatch(/TRANSFER_FAILED|DUMP_FAILED|RESTORE_FAILED/);
  await lab.untouched(job, pid);
});
