import { spawnSync } from 'node:child_process';
import { BROKEN } from '../../../simulation/handover/broken.ts';
import { compiled } from '../../support/checkout.ts';
import type { Simulated } from './results.ts';

/** Runs of each deliberate mistake. */
const BROKEN_RUNS = 1_000;

/** Runs the simulation as it is, and with each deliberate mistake. */
export function simulateAll(runs: number): Simulated[] {
  return [simulate(runs), ...Object.keys(BROKEN).map((broken) => simulate(BROKEN_RUNS, broken))];
}

function simulate(runs: number, broken?: string): Simulated {
  const wish = broken === undefined ? [] : ['--broken', broken];
  const args = [compiled('test/simulation/handover/main.ts'), '--runs', String(runs), ...wish];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  const number = (shape: RegExp) => {
    const [, text] = shape.exec(stdout) ?? [];
    if (text === undefined) throw new Error(`the simulation did not end: ${args.join(' ')}\n${stderr}`);
    return Number(text);
  };
  const outcomes = [...stdout.matchAll(/^ +(\d+) ([\w ]+)$/gm)].map(([, count, outcome]) => [
    outcome,
    Number(count),
  ]);
  const [, seed, rule] = /^seed (\d+): VIOLATION: (.*)$/m.exec(stdout) ?? [];
  return {
    kind: 'simulation',
    ...(broken === undefined ? {} : { broken }),
    runs,
    violations: number(/(\d+) violations$/m),
    seedsPerSecond: number(/^(\d+) seeds a second/m),
    stepsPerRun: number(/(\d+) steps a run$/m),
    outcomes: Object.fromEntries(outcomes),
    ...(seed === undefined || rule === undefined ? {} : { seed: Number(seed), rule }),
  };
}
