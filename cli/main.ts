#!/usr/bin/env node
import { run } from './program.ts';
import { processTerminal } from './terminal.ts';

// The connection is closed by then, and pipes and files are written synchronously: nothing is lost by leaving at once.
process.exit(await run(process.argv.slice(2), processTerminal()));
