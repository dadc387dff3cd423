#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

/** One expression: a function that fills in what start.ts exports (deploy/build/command-line.mjs). */
const BUNDLE = fileURLToPath(new URL('start.cjs', import.meta.url));
type Started = typeof import('./start.ts');
type Bundle = (exports: object, require: NodeJS.Require, __filename: string) => void;

/** What V8 made of the bundle when it was built. Another V8 refuses it and compiles anew: slower, and otherwise the same. */
function compiled(): Buffer | undefined {
  try {
    return readFileSync(`${BUNDLE}.compiled`);
  } catch {
    return undefined;
  }
}

const cachedData = compiled();
const source = readFileSync(BUNDLE, 'utf8');
const script = new Script(source, { filename: BUNDLE, ...(cachedData ? { cachedData } : {}) });
const started = {} as Started;
(script.runInThisContext() as Bundle)(started, createRequire(import.meta.url), BUNDLE);
// The connection is closed by then, and pipes and files are written synchronously: nothing is lost by leaving at once.
process.exit(await started.run(process.argv.slice(2), started.processTerminal()));
