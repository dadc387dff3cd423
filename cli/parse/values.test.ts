import { describe, expect, it } from 'vitest';
import { parseIterations, parseRounds } from './values.ts';

describe('parseIterations', () => {
  it('takes a number of pre-dumps, none included, or dynamic', () => {
    expect(['0', '8', '64', 'dynamic'].map(parseIterations)).toEqual([0, 8, 64, 'dynamic']);
  });

  it.each(['', '-1', '65', '1.5', 'static', '1e1', ' 8', '99999999999999999999'])('refuses %j', (text) => {
    expect(() => parseIterations(text)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});

describe('parseRounds', () => {
  it('takes at least one round', () => {
    expect(parseRounds('1')).toBe(1);
    expect(() => parseRounds('0')).toThrow(/from 1 to 64/);
  });
});
