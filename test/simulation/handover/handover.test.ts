import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { BROKEN } from './broken.ts';
import { run } from './run.ts';
import { runBatch } from './worker.ts';

/** Runs of the whole layer; what `npm run simulate` makes of them is read like a user reads it. */
const RUNS = 100_000;
const MINUTES = 60_000;

function simulate(...args: string[]) {
  const script = new URL('simulate', import.meta.url).pathname;
  const { status, stdout, stderr } = spawnSync(script, args, { encoding: 'utf8' });
  return { status, lines: stdout.trimEnd().split('\n'), stderr };
}

describe('npm run simulate', () => {
  it(`finds no violation in ${RUNS} runs`, { timeout: 15 * MINUTES }, () => {
    const { status, lines } = simulate('--runs', `${RUNS}`);
    expect(lines.at(-1), lines.join('\n')).toBe(`${RUNS} runs, 0 violations`);
    expect(status).toBe(0);
  });

  it('tells of violations by its exit code, shows their seeds, and how to see one step by step', () => {
    const broken = ['--broken', 'kill-before-running'];
    const { status, lines } = simulate('--runs', '50', ...broken);
    expect(status).toBe(1);
    expect(lines.at(-1)).toMatch(/^50 runs, [1-9]\d* violations$/);
    const seed = /--seed (\d+)/.exec(lines.join('\n'))?.[1] ?? '';
    const one = simulate('--runs', '1', '--seed', seed, ...broken);
    expect(one.lines.at(-1)).toBe('1 runs, 1 violations');
    expect(one.lines.join('\n')).toMatch(/kills its copy[\s\S]*VIOLATION/);
  });

  it('lists the deliberate mistakes, one a line', () => {
    expect(simulate('--list-broken').lines).toEqual(Object.keys(BROKEN));
  });

  it('refuses what it does not know', () => {
    const { status, stderr } = simulate('--broken', 'nothing');
    expect(status).toBe(2);
    expect(stderr).toContain('--list-broken');
  });
});

describe('a run', () => {
  it('is the same for the same seed', async () => {
    for (const seed of [3, 44, 555]) expect(await run(seed, {}, true)).toEqual(await run(seed, {}, true));
  });

  it('ends everywhere a move can end', async () => {
    const { outcomes } = await runBatch({ seed: 1, runs: 2_000 });
    expect(Object.keys(outcomes).sort()).toEqual([
      'back at the source',
      'done',
      'in doubt',
      'lost',
      'stopped by a power cut',
    ]);
  });
});

describe('the checks bite', () => {
  it.each(Object.keys(BROKEN))('%s is caught within 1000 runs', async (broken) => {
    const { violations } = await runBatch({ seed: 1, runs: 1_000 }, broken);
    expect(violations.length).toBeGreaterThan(0);
  });
});
