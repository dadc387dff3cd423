import { expect, it } from 'vitest';
import type { Agent, Arriving } from './agent.ts';
import { deferred } from './deferred.ts';
import { memoryInPlace } from './memory-in-place.ts';

it('waits for the move that fills the memory in, and for no other', async () => {
  const [mine, others] = [deferred<void>(), deferred<void>()];
  const arrival = (container: string, ended: Promise<void>) => ({ container, ended }) as unknown as Arriving;
  const arriving = new Map([
    ['a', arrival('mine', mine.promise)],
    ['b', arrival('another', others.promise)],
  ]);
  let here = false;
  const waiting = memoryInPlace({ arriving } as unknown as Agent, 'mine').then(() => {
    here = true;
  });
  await new Promise(setImmediate);
  expect(here).toBe(false);
  mine.resolve();
  await waiting;
  await memoryInPlace({ arriving } as unknown as Agent, 'a third');
});
