#!/usr/bin/env node
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { compiled } from './compiled.ts';

/** One expression: a function that fills in what start.ts exports (deploy/build/command-line.mjs). */
const BUNDLE = fileURLToPath(new URL('start.cjs', import.meta.url));
type Started = typeof import('./start.ts');
type Bundle = (exports: object, require: NodeJS.Require, __filename: string) => void;

const started = {} as Started;
(compiled(BUNDLE).runInThisContext() as Bundle)(started, createRequire(import.meta.url), BUNDLE);
// The connection is closed by then, and pipes and files are written synchronously: nothing is lost by leaving at once.
process.exit(await started.run(process.argv.slice(2), started.processTerminal()));
