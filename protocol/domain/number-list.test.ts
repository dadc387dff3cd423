import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatNumbers, numbersOf, readNumberList } from './number-list.ts';
import { createProblems } from './problems.ts';

const read = (text: string) => {
  const problems = createProblems('', 'f');
  const list = readNumberList(text, 'the list', 4096, 0, problems);
  problems.finish();
  return list;
};

test.each([
  ['0', '0'],
  ['3,1,2', '1-3'],
  ['0-3,^2,8', '0-1,3,8'],
  ['^1,0-2', '0-2'],
  [' 4 , 5-5 ', '4-5'],
  ['0-4095', '0-4095'],
])('%s means %s', (text, list) => {
  expect(read(text)).toBe(list);
});

test('a list is read back as the numbers it was made of', () => {
  const numbers = fc.uniqueArray(fc.integer({ min: 0, max: 4095 }), { minLength: 1 });
  fc.assert(
    fc.property(numbers, (chosen) => {
      const list = formatNumbers(chosen);
      expect(numbersOf(list)).toEqual(chosen.toSorted((a, b) => a - b));
      expect(read(list)).toBe(list);
    }),
  );
});
