import { expect, it } from 'vitest';
import type { PrepareRequest } from '../../../protocol/mod.ts';
import { prepareOnce } from './prepare-once.ts';

const reserved = new Set<string>();
let prepared = 0;
const prepare = prepareOnce(
  (job) => reserved.has(job),
  async ({ job }) => {
    prepared += 1;
    await Promise.resolve();
    reserved.add(job);
    return { job, node: `n${prepared}` } as never;
  },
);
const ask = async (job: string, dryRun = false) => (await prepare({ job, dryRun } as PrepareRequest)).node;

it('gives the same job the same answer until its reservation is given up; a dry run is one each time', async () => {
  const answers = await Promise.all([ask('a'), ask('a'), ask('b')]);
  expect(answers[1]).toBe(answers[0]);
  expect(prepared).toBe(2);
  expect(await ask('a')).toBe(answers[0]);
  await ask('a', true);
  expect(prepared).toBe(3);
  reserved.delete('a');
  await ask('a');
  expect(prepared).toBe(4);
});
