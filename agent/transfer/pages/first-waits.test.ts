import { expect, it } from 'vitest';
import { FakeClock } from '../fake-clock.ts';
import type { FirstPage } from './first-pages.ts';
import { FirstWaits } from './first-waits.ts';

function scene() {
  const clock = new FakeClock();
  const told: (readonly FirstPage[])[] = [];
  return { clock, told, waits: new FirstWaits(clock, (pages) => told.push(pages)) };
}

it('tells once what was waited for in the first 600 ms, in its order', async () => {
  const { clock, told, waits } = scene();
  await clock.advance(5_000);
  waits.note(1, 30);
  await clock.advance(599);
  waits.note(2, 10);
  expect(told).toEqual([]);
  await clock.advance(1);
  expect(told).toEqual([
    [
      [1, 30],
      [2, 10],
    ],
  ]);
  waits.note(1, 31);
  waits.end();
  expect(told).toHaveLength(1);
  expect(told[0]).toHaveLength(2);
});

it('tells earlier when it is over, or enough', () => {
  const early = scene();
  early.waits.note(1, 30);
  early.waits.end();
  expect(early.told).toEqual([[[1, 30]]]);
  expect(early.clock.pending).toBe(0);

  const many = scene();
  for (let page = 0; page < 300; page += 1) many.waits.note(1, page);
  expect(many.told).toHaveLength(1);
  expect(many.told[0]).toHaveLength(256);
  expect(many.clock.pending).toBe(0);
});

it('has nothing to tell where nobody waited', () => {
  const { told, waits } = scene();
  waits.end();
  expect(told).toEqual([]);
});
