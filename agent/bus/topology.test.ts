import { describe, expect, test } from 'vitest';
import { planTopology } from './topology.ts';

const hosts = (count: number) => Array.from({ length: count }, (_, i) => `10.77.0.${11 + i}`);
const on = (address: string, join: readonly string[]) => planTopology(join, { address, node: 'n' });

describe('which servers keep the records', () => {
  test.each([
    [1, 1, 1],
    [2, 1, 1],
    [3, 3, 3],
    [4, 3, 3],
    [5, 5, 3],
    [9, 5, 3],
  ])('%i hosts: the first %i, %i copies', (count, servers, replicas) => {
    const join = hosts(count);
    const plans = join.map((host) => on(host, join));
    for (const plan of plans) expect(plan).toMatchObject({ recordHosts: join.slice(0, servers), replicas });
    const keeping = servers === 1 ? 'alone' : 'member';
    expect(plans.map((plan) => plan.role)).toEqual(join.map((_, i) => (i < servers ? keeping : 'leaf')));
  });

  test('a node without peers keeps its own', () => {
    expect(on('10.0.0.1', [])).toEqual({ role: 'alone', recordHosts: [], replicas: 1, notes: [] });
  });

  test('a node that is not in the list is a leaf, and is told so', () => {
    const plan = on('10.77.0.99', hosts(3));
    expect(plan.role).toBe('leaf');
    expect(plan.notes).toEqual(['this node is not in the join list: its server keeps no records']);
  });

  test('a node finds itself by its name too', () => {
    expect(planTopology(['a', 'b', 'c'], { address: '10.0.0.2', node: 'b' })).toMatchObject({
      role: 'member',
      self: 'b',
    });
  });

  test('two nodes are told where the records live', () => {
    for (const host of hosts(2))
      expect(on(host, hosts(2)).notes).toEqual(['two nodes: the records live on 10.77.0.11 only']);
  });
});

describe('refused lists', () => {
  test.each([['a b'], ['host"'], ['-x'], ['']])('%j is no host', (host) => {
    expect(() => on('h', ['h', host])).toThrow(/bus\.join is not valid: '.*' is not a host/);
  });

  test('an entry that is there twice', () => {
    expect(() => on('h', ['h', 'h'])).toThrow(/'h' is there twice/);
  });
});
