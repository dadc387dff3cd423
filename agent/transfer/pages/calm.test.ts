import { expect, it } from 'vitest';
import { FakeClock } from '../fake-clock.ts';
import { Calm } from './calm.ts';

it('lasts 100 ms from the last page that was waited for', async () => {
  const clock = new FakeClock();
  let ends = 0;
  const calm = new Calm(clock, () => {
    ends += 1;
  });
  expect(calm.holds()).toBe(false);
  calm.keep();
  await clock.advance(60);
  calm.keep();
  expect(calm.holds()).toBe(true);
  await clock.advance(99);
  expect([calm.holds(), ends]).toEqual([true, 0]);
  await clock.advance(1);
  expect([calm.holds(), ends]).toEqual([false, 1]);
});

it('is over 600 ms after the first one, and does not begin anew', async () => {
  const clock = new FakeClock();
  const calm = new Calm(clock, () => {});
  for (; clock.monotonicMs() < 600; await clock.advance(50)) {
    calm.keep();
    expect(calm.holds()).toBe(true);
  }
  calm.keep();
  expect(calm.holds()).toBe(false);
});
