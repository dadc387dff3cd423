import { expect, it } from 'vitest';
import { LIMITS } from '../../protocol/limits.ts';
import type { FirstPage } from '../transfer/pages/mod.ts';
import { FirstPages } from './first-pages.ts';

const pages = (count: number, first = 0): FirstPage[] =>
  Array.from({ length: count }, (_none, index) => [1, first + index]);

it('has the newest first, each once', () => {
  const known = new FirstPages();
  expect(known.of('a')).toEqual([]);
  known.learn('a', pages(3));
  known.learn('a', [
    [2, 0],
    [1, 2],
  ]);
  expect(known.of('a')).toEqual([
    [2, 0],
    [1, 2],
    [1, 0],
    [1, 1],
  ]);
  known.forget('a');
  expect(known.of('a')).toEqual([]);
});

it('forgets the oldest of too many', () => {
  const known = new FirstPages();
  known.learn('a', pages(LIMITS.firstPages));
  known.learn('a', pages(2, 5_000));
  expect(known.of('a')).toHaveLength(LIMITS.firstPages);
  expect(known.of('a').slice(0, 3)).toEqual([...pages(2, 5_000), [1, 0]]);

  for (let other = 0; other < 255; other += 1) known.learn(`b${other}`, pages(1));
  expect(known.of('a')).not.toEqual([]);
  known.learn('c', pages(1));
  expect(known.of('a')).toEqual([]);
  expect(known.of('c')).toEqual(pages(1));
});
