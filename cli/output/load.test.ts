import { expect, it } from 'vitest';
import { formatShare, loadColumns, loadText, usageColumns } from './load.ts';
import { formatTable } from './table.ts';

const load = {
  use: { cpu: 0.5, memory: 0.25, io: 0.001, network: 0 },
  pressure: { cpu: 0.1, memory: 0, io: 0, network: 0 },
};

it('says what waits beside what is used', () => {
  expect(loadText(load)).toBe('cpu 50 % (+10 % waiting), memory 25 %, io 0 %, network 0 %');
});

it('shows nothing known as a dash, and more than everything as it is', () => {
  expect([formatShare(undefined), formatShare(1.302)]).toEqual(['-', '130 %']);
  const columns = loadColumns((one: { load?: typeof load }) => one.load?.use);
  expect(formatTable([{ load }, {}], columns)).toBe(
    ' CPU   MEM   IO  NET\n50 %  25 %  0 %  0 %\n   -     -    -    -\n',
  );
});

it('shows the use of a container in its own units', () => {
  const usage = { cpus: 1.5, memoryBytes: 1024, ioBytesPerSecond: 2048, networkBytesPerSecond: 0 };
  expect(
    formatTable(
      [usage],
      usageColumns((one) => one),
      { headers: false },
    ),
  ).toBe('150 %  1.0 KiB  2.0 KiB/s  0 B/s\n');
});
