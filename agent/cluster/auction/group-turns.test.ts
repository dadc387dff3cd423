import { expect, it } from 'vitest';
import { GroupTurns } from './group-turns.ts';

it('places members of one group one after the other, others beside them', async () => {
  const turns = new GroupTurns();
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
    throw new Error('no place');
  });
  const third = turns.inTurn('a', async () => told.push('third'));
  await turns.inTurn('b', async () => told.push('other group'));
  await turns.inTurn(undefined, async () => told.push('no group'));
  expect(told).toEqual(['other group', 'no group']);
  letGo();
  await held;
  await expect(fails).rejects.toThrow('no place');
  await third;
  expect(told.slice(2)).toEqual(['second', 'third']);
});
