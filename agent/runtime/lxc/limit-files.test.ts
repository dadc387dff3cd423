import { expect, it } from 'vitest';
import { cpuMax, cpuWeight, limitFiles } from './limit-files.ts';

it.each([
  [2, 1],
  [1024, 39],
  [262_144, 10_000],
])('%d shares of v1 are the weight %d of v2', (shares, weight) => {
  expect(cpuWeight(shares)).toBe(weight);
});

it('gives each processor a whole period, unless a quota says otherwise', () => {
  expect(cpuMax({ vcpus: 2 })).toEqual({ quotaUs: 200_000, periodUs: 100_000 });
  expect(cpuMax({ vcpus: 2, cputune: { periodUs: 50_000 } })).toEqual({ quotaUs: 100_000, periodUs: 50_000 });
  expect(cpuMax({ vcpus: 2, cputune: { quotaUs: 7_000 } })).toEqual({ quotaUs: 7_000, periodUs: 100_000 });
  expect(cpuMax({ vcpus: 2, cputune: { quotaUs: 'none' } }).quotaUs).toBe('none');
});

it('writes device rules where they have files, in their order', () => {
  const lxc = ['lxc.cgroup.', 'lxc.cgroup2.'].flatMap((prefix) => [
    { key: `${prefix}devices.deny`, value: 'a' },
    { key: `${prefix}devices.allow`, value: 'c 1:3 rwm' },
    { key: `${prefix}pids.max`, value: '7' },
  ]);
  const rules = (version: 'v1' | 'v2') =>
    limitFiles({ memoryBytes: 1, vcpus: 1, lxc }, version, new Map())
      .filter(({ files: [name] }) => /^(devices|pids)/.test(name))
      .map(({ controller, files, value }) => `${controller}: ${files.join()} = ${value}`);
  expect(rules('v1')).toEqual([
    'devices: devices.deny = a',
    'devices: devices.allow = c 1:3 rwm',
    'pids: pids.max = 7',
  ]);
  expect(rules('v2')).toEqual(['unified: pids.max = 7']);
});
