import { expect, test } from 'vitest';
import { Leases } from '../../e2e/workloads/lease/leases.ts';

const renewed = () => {
  const leases = new Leases(100);
  for (const count of [1, 2, 5]) expect(leases.renew('box', 'a', count, count * 20)).toEqual({});
  return leases;
};

test('counts that grow are a lease that is held', () => {
  expect(renewed().get('box')).toEqual({ holder: 'a', count: 5, atMs: 100 });
});

test.each([
  ['the same count', 'a', 5, 'count 5 came twice'],
  ['a step back', 'a', 3, 'count 3 after 5'],
  ['another holder', 'b', 6, 'held by a at 5, renewed by b at 6'],
])('%s is a violation', (_what, holder, count, problem) => {
  expect(renewed().renew('box', holder, count, 120)).toEqual({
    violation: { lease: 'box', atMs: 120, problem },
  });
});

test('a second copy is seen at each of its renewals, however far the first has gone', () => {
  const leases = renewed();
  leases.renew('box', 'a', 9, 140);
  for (const count of [6, 7, 8])
    expect(leases.renew('box', 'a', count, 150).violation?.problem).toBe(`count ${count} after 9`);
  expect(leases.renew('box', 'a', 10, 160)).toEqual({});
});

test('a pause is noted with its place in time', () => {
  expect(renewed().renew('box', 'a', 6, 300)).toEqual({ gap: { lease: 'box', startMs: 100, endMs: 300 } });
});

test('a lease that was forgotten may be anybody’s', () => {
  const leases = renewed();
  leases.forget('box');
  expect(leases.renew('box', 'b', 1, 130)).toEqual({});
});
