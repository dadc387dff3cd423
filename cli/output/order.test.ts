import { describe, expect, test } from 'vitest';
import { naturally } from './order.ts';

describe('names in the order of people', () => {
  test.each([
    [['n10', 'n2', 'n1']],
    [['rack2-n10', 'rack10-n1', 'rack2-n9']],
    [['node', 'node1', '7', 'a', '10']],
    [['beta', 'Alpha', 'gamma', 'alpine']],
    [['a-2', 'a-b', 'a', 'b']],
  ])('%j as the collation of the language has it', (names) => {
    const collated = names.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));
    expect(names.toSorted(naturally)).toEqual(collated);
  });

  test('names that are only written differently keep one order', () => {
    expect(['n01', 'n1'].toSorted(naturally)).toEqual(['n1', 'n01'].toSorted(naturally));
  });
});
