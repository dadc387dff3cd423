// Adds up vitest's JSON reports of one run: names what was skipped and what failed, and ends with the line that CI reads.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const dir = process.argv[2];
// Tests leave other things there, too.
const names = readdirSync(dir).filter((name) => name.endsWith('.json'));
const reports = names.map((name) => JSON.parse(readFileSync(join(dir, name), 'utf8')));
const files = reports.flatMap((report) => report.testResults);
const tests = files.flatMap((file) => file.assertionResults);
const named = (...states) =>
  tests.filter((test) => states.includes(test.status)).map((test) => test.fullName);

const skipped = named('skipped', 'pending', 'todo', 'disabled');
// A file that broke outside its tests (in a hook, at import) counts as one failure.
const broken = files
  .filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  )
  .map((file) => file.name);
const failed = [...named('failed'), ...broken];

for (const name of skipped) console.log(`skipped: ${name}`);
for (const name of failed) console.log(`failed: ${name}`);
console.log(`${named('passed').length} passed, ${failed.length} failed, ${skipped.length} skipped`);
process.exitCode = failed.length > 0 || tests.length === 0 ? 1 : 0;
