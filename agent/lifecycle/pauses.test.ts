import { expect, it } from 'vitest';
import { Pauses } from './pauses.ts';

it('grows the pause with each start, up to a minute, and forgets after a while', () => {
  const pauses = new Pauses();
  expect(pauses.isOver('web', 0)).toBe(true);
  let nowMs = 0;
  const seen: number[] = [];
  for (let start = 0; start < 9; start++) {
    pauses.next('web', nowMs);
    let pauseMs = 0;
    while (!pauses.isOver('web', nowMs + pauseMs)) pauseMs += 500;
    seen.push(pauseMs);
    nowMs += pauseMs;
  }
  expect(seen).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  expect(pauses.isOver('db', nowMs)).toBe(true);
  pauses.next('web', nowMs + 120_000);
  expect(pauses.isOver('web', nowMs + 121_000)).toBe(true);
});
