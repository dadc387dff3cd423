import { beforeEach, expect, it } from 'vitest';
import type { PrepareRequest } from '../../../protocol/mod.ts';
import { prepareOnce } from './prepare-once.ts';

const reserved = new Map<string, { readonly gone: Promise<void>; readonly giveUp: () => void }>();
let prepared = 0;
let refuses = false;
const prepare = prepareOnce(
  (job) => reserved.get(job)?.gone,
  async ({ job }) => {
    prepared += 1;
    await Promise.resolve();
    if (refuses) throw new Error('no room');
    let giveUp = () => {};
    const gone = new Promise<void>((resolve) => {
      giveUp = () => {
        reserved.delete(job);
        resolve();
      };
    });
    reserved.set(job, { gone, giveUp });
    return { job, node: `n${prepared}` } as never;
  },
);
beforeEach(() => {
  reserved.clear();
  prepared = 0;
  refuses = false;
});
const ask = async (job: string, token = 'first', dryRun = false) =>
  (await prepare({ job, dryRun, pages: { token } } as PrepareRequest)).node;
/** Whatever can happen without anything from outside has happened. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

it('gives the same question the same answer until its reservation is given up; a dry run is one each time', async () => {
  const answers = await Promise.all([ask('a'), ask('a'), ask('b')]);
  expect(answers[1]).toBe(answers[0]);
  expect(prepared).toBe(2);
  expect(await ask('a')).toBe(answers[0]);
  await ask('a', 'first', true);
  expect(prepared).toBe(3);
  reserved.get('a')?.giveUp();
  await ask('a');
  expect(prepared).toBe(4);
});

it('answers a move that begins anew once what it had before is undone, however long that takes', async () => {
  const first = await ask('a');
  const anew = [ask('a', 'second'), ask('a', 'second')];
  await settle();
  expect(prepared).toBe(1);
  reserved.get('a')?.giveUp();
  const [second, again] = await Promise.all(anew);
  expect(second).not.toBe(first);
  expect(again).toBe(second);
  expect(await ask('a', 'second')).toBe(second);
  expect(prepared).toBe(2);
});

it('asks anew after an answer that was an error, also for who waited for it', async () => {
  refuses = true;
  const first = ask('a');
  const second = ask('a', 'second');
  await expect(first).rejects.toThrow('no room');
  await expect(second).rejects.toThrow('no room');
  refuses = false;
  await settle();
  expect(await ask('a', 'second')).toBe('n3');
});
