#!/usr/bin/env node
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { createCriu } from '../criu/mod.ts';
import { systemClock } from '../effects/system-clock.ts';
import { createRunner } from '../effects/system-runner.ts';
import { PAGER_FILES, PagerConfig } from './messages.ts';
import { runPager } from './run-pager.ts';

/** Argument: the file with its configuration. The agent starts it, and may die; it ends when it is told to. */
const config = PagerConfig.parse(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')));
const log = pino(
  { level: 'debug', base: { job: config.job } },
  pino.destination(join(config.dir, PAGER_FILES.log)),
);
// The memory of a container that runs elsewhere hangs on it. Not every root may ask for this.
try {
  writeFileSync('/proc/self/oom_score_adj', '-1000');
} catch (error) {
  log.debug({ err: error }, 'the kernel may take it for a victim when memory runs out');
}
const runner = createRunner();
await runPager(config, { runner, criu: createCriu({ runner }), clock: systemClock, log });
process.exit(0);
