import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { BALANCE_BROKEN, balanceForAnHour, brokenBalance } from './balance.ts';
import { BROKEN, broken, loseATenth } from './lose.ts';
import { type Row, tableText } from './table.ts';

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '10,30,100,300,1000' },
    seed: { type: 'string', default: '1' },
    broken: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const [sizes, seed] = [values.nodes.split(',').map(Number), Number(values.seed)];
const mistake = values.broken ?? '';
const variants = [...Object.keys(BROKEN), ...Object.keys(BALANCE_BROKEN)];
const isWrong = (nodes: number) => !Number.isSafeInteger(nodes) || nodes < 3;
if (sizes.some(isWrong) || !Number.isSafeInteger(seed) || !['', ...variants].includes(mistake)) {
  console.error(
    `usage: npm run simulate:cluster -- [--nodes N[,N…]] [--seed S] [--write] [--broken ${variants.join('|')}]`,
  );
  process.exit(2);
}
const rows: Row[] = [];
const violations: string[] = [];
for (const nodes of sizes) {
  const balance = balanceForAnHour(nodes, seed, BALANCE_BROKEN[mistake]);
  const loss = loseATenth(nodes, seed, BROKEN[mistake]);
  rows.push({ balance, loss });
  violations.push(...[...brokenBalance(balance), ...broken(loss)].map((rule) => `${nodes} nodes: ${rule}`));
}
const text = tableText(rows);
console.log(text);
if (values.write) writeFileSync('test/simulation/cluster/TABLE.md', text);
for (const rule of violations) console.log(`VIOLATION: ${rule}`);
console.log(`${sizes.reduce((sum, nodes) => sum + nodes, 0)} nodes, ${violations.length} violations`);
process.exitCode = violations.length > 0 ? 1 : 0;
