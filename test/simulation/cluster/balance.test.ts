import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BALANCE_BROKEN, balanceForAnHour, brokenBalance } from './balance.ts';
import { loseATenth } from './lose.ts';
import { tableText } from './table.ts';

describe('a cluster whose nodes balance by themselves for an hour', () => {
  it.each([
    [10, 1],
    [30, 2],
    [100, 3],
  ])('of %i nodes is level soon, then quiet, and nothing goes back and forth (seed %i)', (nodes, seed) => {
    const report = balanceForAnHour(nodes, seed);
    expect(brokenBalance(report)).toEqual([]);
    expect(report.moves).toBeGreaterThan(0);
    expect(report.peakAfter).toBeLessThan(report.peakBefore);
  });

  it('costs a node as many messages in a large one as in a small one', () => {
    const [small, large] = [30, 120].map((nodes) => balanceForAnHour(nodes, 5).messagesEach) as [
      number,
      number,
    ];
    expect(large).toBeLessThan(1.25 * small);
  });

  it.each(Object.keys(BALANCE_BROKEN))('the checks bite: %s is caught', (name) => {
    expect(brokenBalance(balanceForAnHour(100, 1, BALANCE_BROKEN[name]))).not.toEqual([]);
  });

  it('has the table that its code makes', () => {
    const written = readFileSync(new URL('TABLE.md', import.meta.url), 'utf8').split('\n');
    const rows = [10, 30].map((nodes) => ({
      balance: balanceForAnHour(nodes, 1),
      loss: loseATenth(nodes, 1),
    }));
    for (const line of tableText(rows).split('\n')) expect(written).toContain(line);
  });
});
