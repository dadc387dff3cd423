import { parseArgs } from 'node:util';
import { BROKEN, broken, loseATenth } from './lose.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    broken: { type: 'string' },
  },
});
const [nodes, seed] = [Number(values.nodes), Number(values.seed)];
const variant = values.broken === undefined ? {} : BROKEN[values.broken];
if (!Number.isSafeInteger(nodes) || nodes < 3 || !Number.isSafeInteger(seed) || !variant) {
  console.error(
    `usage: npm run simulate:cluster -- [--nodes N] [--seed S] [--broken ${Object.keys(BROKEN).join('|')}]`,
  );
  process.exit(2);
}
const report = loseATenth(nodes, seed, variant);
for (const [name, value] of Object.entries(report))
  console.log(`${name.padEnd(14)} ${Number.isInteger(value) ? value : value.toFixed(2)}`);
const rules = broken(report);
for (const rule of rules) console.log(`VIOLATION: ${rule}`);
console.log(`${nodes} nodes, ${rules.length} violations`);
process.exitCode = rules.length > 0 ? 1 : 0;
