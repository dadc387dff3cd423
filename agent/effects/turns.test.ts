import { expect, it } from 'vitest';
import { Turns } from './turns.ts';

it('lets what has one name happen one after the other, other things beside it', async () => {
  const turns = new Turns();
  const told: string[] = [];
  let letGo = () => {};
  const held = turns.inTurn(
    'a',
    () =>
      new Promise<void>((resolve) => {
        letGo = resolve;
      }),
  );
  const fails = turns.inTurn('a', async () => {
    told.push('second');
    throw new Error('broken');
  });
  const third = turns.inTurn('a', async () => told.push('third'));
  await turns.inTurn('b', async () => told.push('other name'));
  await turns.inTurn(undefined, async () => told.push('no name'));
  expect(told).toEqual(['other name', 'no name']);
  letGo();
  await held;
  await expect(fails).rejects.toThrow('broken');
  await third;
  expect(told.slice(2)).toEqual(['second', 'third']);
});
