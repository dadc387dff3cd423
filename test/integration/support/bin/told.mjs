// Stands for the program that its first argument names: what goes wrong before is told by a word (see misbehave.mjs), then it
// does what it is to.
import { spawnSync } from 'node:child_process';
import { misbehave } from './misbehave.mjs';

const [program, ...args] = process.argv.slice(2);
const complaint = `${program}: Input/output error\n`;
await misbehave(program, { log: (text) => process.stderr.write(text), complaint });
process.exit(spawnSync(program, args, { stdio: 'inherit' }).status ?? 1);
