import { existsSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { checkout } from '../../support/checkout.ts';
import { expectedNames } from './expected.ts';
import { renderResults } from './page.ts';
import { type Line, merge, RECORDS, readRecords, readResults, writeResults } from './results.ts';
import { simulateAll } from './simulate.ts';

/** Simulated seeds, unless told. */
const RUNS = '100000';

const { values } = parseArgs({
  options: {
    /** Where runs have left what came of them. */
    records: { type: 'string', default: RECORDS },
    simulate: { type: 'boolean', default: false },
    runs: { type: 'string', default: RUNS },
  },
});
const records = existsSync(values.records) ? readRecords(values.records) : [];
const simulated = values.simulate ? simulateAll(Number(values.runs)) : [];
const lines = merge(readResults(), [...records, ...simulated]).filter(isExpected);
writeResults(lines);
writeFileSync(`${checkout}/test/e2e/chaos/RESULTS.md`, renderResults(lines));
console.log(`${records.length} trials and ${simulated.length} simulations were added`);

/** A trial that is not made any more is forgotten. */
function isExpected(line: Line): boolean {
  return line.kind === 'simulation' || expectedNames(line.kind).includes(line.name);
}
