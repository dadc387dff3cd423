// Stands for zstd: copies the file. What goes wrong is told by a word (see misbehave.mjs), once half of it is written.
import { readFileSync, writeFileSync } from 'node:fs';
import { misbehave } from './misbehave.mjs';

const args = process.argv.slice(2);
if (args.includes('--version')) process.exit(0);
const [to, from] = [args[args.indexOf('-o') + 1], args.at(-1)];
const content = readFileSync(from);
writeFileSync(to, content.subarray(0, content.length / 2));
const tell = (text) => process.stderr.write(text);
await misbehave('zstd', { log: tell, complaint: 'zstd: error 70 : Write error : No space left on device\n' });
writeFileSync(to, content);
