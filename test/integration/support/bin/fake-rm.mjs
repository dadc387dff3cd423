// Stands for rm: removes what it is to. What goes wrong before is told by a word (see misbehave.mjs).
import { spawnSync } from 'node:child_process';
import { misbehave } from './misbehave.mjs';

const complaint = 'rm: Input/output error\n';
await misbehave('rm', { log: (text) => process.stderr.write(text), complaint });
process.exit(spawnSync('rm', process.argv.slice(2), { stdio: 'inherit' }).status ?? 1);
