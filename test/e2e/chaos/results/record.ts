import { mkdirSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { type Kind, RECORDS, type Result } from './results.ts';

/** What a trial came to; more of it than that is not recorded. */
export type Figures = Pick<Result, 'outcome' | 'job' | 'recoveryMs' | 'gapMs'>;

/** Leaves a file of its own, so that a run that is broken off has left what it played. */
export function recordTrial(kind: Kind, name: string, { outcome, job, recoveryMs, gapMs }: Figures): void {
  const result: Result = {
    kind,
    name,
    outcome,
    ...(job === undefined ? {} : { job }),
    ...(recoveryMs === undefined ? {} : { recoveryMs: Math.round(recoveryMs) }),
    ...(gapMs === undefined ? {} : { gapMs: Math.round(gapMs) }),
    played: new Date().toISOString().slice(0, 10),
    load: Math.round(loadavg()[0] ?? 0),
  };
  mkdirSync(RECORDS, { recursive: true });
  const file = `${kind} ${name}`.replaceAll(/[^\w.-]+/g, '_');
  writeFileSync(`${RECORDS}/${file}.json`, `${JSON.stringify(result)}\n`);
}
