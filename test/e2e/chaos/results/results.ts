import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { checkout } from '../../support/checkout.ts';
import type { Outcome } from '../cases.ts';

/** Whose trials: a file of this folder each, but for what containers that do not move, or large ones, make of a fault. */
export type Kind = 'walk' | 'power' | 'links' | 'bus' | 'beside';

/** How one trial ended the last time that it was played. */
export interface Result {
  readonly kind: Kind;
  readonly name: string;
  readonly outcome: Outcome | 'not moved';
  /** What the job said of itself. */
  readonly job?: string;
  /** From the mending until nothing was left to do. */
  readonly recoveryMs?: number;
  /** The longest time without a lease. */
  readonly gapMs?: number;
  /** Day; `earlier`: taken over from a table that did not note it, made of older code. */
  readonly played: string;
  /** Of the machine then, if it was noted. */
  readonly load?: number;
}

/** What the simulation found in so many seeds. */
export interface Simulated {
  readonly kind: 'simulation';
  /** A deliberate mistake; none in the code as it is. */
  readonly broken?: string;
  readonly runs: number;
  readonly violations: number;
  readonly seedsPerSecond: number;
  readonly stepsPerRun: number;
  readonly outcomes: Readonly<Record<string, number>>;
  /** The first seed that broke a rule, and the rule. */
  readonly seed?: number;
  readonly rule?: string;
}

export type Line = Result | Simulated;

const FILE = fileURLToPath(new URL('test/e2e/chaos/results/results.ndjson', `file://${checkout}/`));

/** Where runs leave what came of them, a file each trial. */
export const RECORDS = `${checkout}/dist/test-results/chaos/results`;

/** What is checked in. */
export function readResults(): Line[] {
  return parse(readFileSync(FILE, 'utf8'));
}

export function writeResults(lines: readonly Line[]): void {
  writeFileSync(FILE, lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

/** What runs have left in a directory. */
export function readRecords(dir: string): Line[] {
  return readdirSync(dir).flatMap((name) => parse(readFileSync(`${dir}/${name}`, 'utf8')));
}

/** The newer line of each trial. */
export function merge(old: readonly Line[], recent: readonly Line[]): Line[] {
  return [...new Map([...old, ...recent].map((line) => [keyOf(line), line])).values()];
}

function keyOf(line: Line): string {
  return line.kind === 'simulation' ? `simulation ${line.broken ?? ''}` : `${line.kind} ${line.name}`;
}

function parse(text: string): Line[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}
