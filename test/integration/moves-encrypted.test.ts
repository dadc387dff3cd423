import { afterAll, beforeAll, expect, it } from 'vitest';
import { type MoveLab, startMoveLab } from './support/moves.ts';

let lab: MoveLab;
beforeAll(async () => {
  lab = await startMoveLab({ dataEncrypt: true });
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

it.each(['cold', 'precopy', 'postcopy'] as const)(
  'a %s move between nodes that encrypt works, over a link that breaks again and again',
  async (mode) => {
    await lab.run(mode);
    let breaks = 0;
    const again = () => {
      breaks += 1;
      lab.link.reset();
      lab.link.after(50_000, again);
    };
    lab.link.after(1_000, again);
    const job = await lab.ended(await lab.migrate(mode, { mode, iterations: 1 }));
    lab.link.after(Number.POSITIVE_INFINITY, () => {});
    expect(job.error).toBeUndefined();
    expect(job).toMatchObject({ outcome: 'done', mode });
    expect(breaks).toBeGreaterThan(0);
    expect((await lab.info(mode)).container).toMatchObject({ owner: 'n2', state: 'running' });
    await lab.swept(job);
  },
);
