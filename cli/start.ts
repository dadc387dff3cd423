// What main.ts starts: the build puts it, with everything it needs, into one file and compiles that (deploy/build/command-line.mjs).
export { run } from './program.ts';
export { processTerminal } from './terminal.ts';
