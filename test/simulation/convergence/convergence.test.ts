import { describe, expect, it } from 'vitest';
import { GODWIT, GODWIT_THROTTLE, MAX_DOWNTIME_MS, PEERS, QEMU_AUTO_CONVERGE, STATIC_2 } from './rules.ts';
import { type Result, type Rule, simulate } from './simulate.ts';
import { tableText } from './table.ts';
import { TRACES } from './traces.ts';

const RULES = [...PEERS, STATIC_2, GODWIT, GODWIT_THROTTLE];
const ROWS = TRACES.flatMap((trace) => RULES.map((rule) => ({ trace, rule, result: simulate(trace, rule) })));

function resultOf(trace: (typeof TRACES)[number], rule: Rule): Result {
  const row = ROWS.find((one) => one.trace === trace && one.rule === rule);
  if (!row) throw new Error(`no row for ${rule.name}`);
  return row.result;
}

const downtimeOf = ({ downtimeMs }: Result): number => downtimeMs ?? Number.POSITIVE_INFINITY;

it('is the table on the page', async () => {
  await expect(tableText(ROWS)).toMatchFileSnapshot('TABLE.md');
});

describe('the model', () => {
  it.each(TRACES.filter(({ recorded }) => recorded))('comes near what was recorded: $name', (trace) => {
    const recorded = trace.recorded ?? [];
    const rounds = recorded.length - 1;
    let seen: Result['rounds'] = [];
    const start = () => (view: { rounds: Result['rounds'] }) => {
      seen = view.rounds;
      return view.rounds.length > rounds ? 'final' : 'round';
    };
    simulate(trace, { name: 'as recorded', start });
    for (const [i, pages] of recorded.entries()) {
      const made = seen[i]?.pagesWritten ?? 0;
      // Some hundred pages more or less are the kernel's and the program's own.
      expect(Math.abs(made - pages)).toBeLessThan(Math.max(200, 0.4 * pages));
    }
  });
});

describe.each(TRACES)('$name', (trace) => {
  const godwit = resultOf(trace, GODWIT);
  /** Those that leave the container its CPU time. */
  const others = PEERS.map((rule) => resultOf(trace, rule)).filter(({ share }) => share === 1);

  it('reaches the target wherever another rule reaches it', () => {
    const reached = others.some((one) => downtimeOf(one) <= MAX_DOWNTIME_MS);
    if (reached) expect(downtimeOf(godwit)).toBeLessThanOrEqual(MAX_DOWNTIME_MS);
  });

  it('always ends, with at most 5 % more downtime than the best of the others', () => {
    const best = Math.min(...others.map(downtimeOf));
    expect(downtimeOf(godwit)).toBeLessThanOrEqual(Math.max(MAX_DOWNTIME_MS, best * 1.05));
  });

  it('sends at most 10 % more than the cheapest rule that has no more downtime or reaches the target', () => {
    const enough = Math.max(MAX_DOWNTIME_MS, downtimeOf(godwit));
    const cheapest = Math.min(...others.filter((one) => downtimeOf(one) <= enough).map(({ bytes }) => bytes));
    expect(godwit.bytes).toBeLessThanOrEqual(cheapest * 1.1);
  });

  it('reaches the target by throttling, and sends at most half as much again as a hypervisor that sees what is pending', () => {
    const throttled = resultOf(trace, GODWIT_THROTTLE);
    expect(downtimeOf(throttled)).toBeLessThanOrEqual(MAX_DOWNTIME_MS);
    expect(throttled.bytes).toBeLessThanOrEqual(resultOf(trace, QEMU_AUTO_CONVERGE).bytes * 1.5);
  });
});

it('gives a container up that cannot converge after three rounds, while others go on', () => {
  for (const trace of TRACES.slice(-1)) {
    expect(resultOf(trace, GODWIT).rounds).toHaveLength(3);
    expect(Math.max(...PEERS.map((rule) => resultOf(trace, rule).rounds.length))).toBeGreaterThan(8);
  }
});
