import { ACTIONS, type FaultAction, type FaultPoint, POINTS } from '../../../../agent/faults/points.ts';
import { BROKEN } from '../../../simulation/handover/broken.ts';
import { type ChaosMode, ELSEWHERE } from '../cases.ts';
import { expectedNames } from './expected.ts';
import type { Kind, Line, Result, Simulated } from './results.ts';

const MODES: readonly ChaosMode[] = ['cold', 'postcopy'];

/** The page RESULTS.md: how every trial ended the last time that it was played. */
export function renderResults(lines: readonly Line[]): string {
  const results = lines.filter((line) => line.kind !== 'simulation');
  const simulated = lines.filter((line) => line.kind === 'simulation');
  const of = (kind: Kind) =>
    new Map(results.filter((one) => one.kind === kind).map((one) => [one.name, one]));
  return `# Moves that were made to fail, and how they ended

<!-- Made by \`npm run chaos:results\` from results/results.ndjson, which it brings up to date with what runs have left in dist. -->

Each row tells of the last time that it was played; all of them were judged as the [README](README.md) says: no step back, no double run, no
wrong word of memory, nothing left over. *Recovery* is the time from the mending (the agent answers again, the fault is over) until
nothing was left to do on any node, *gap* the longest time in which nobody held the container's lease: the move's own downtime and the
agent's death are part of it. Two cores were shared with other work (*load*: waiting processes): read the times as orders of magnitude.

## Fault points

${walkTable(of('walk'))}

Not in the walk:

| point | killed agents there |
| ----- | ------------------- |
${Object.entries(ELSEWHERE)
  .map(([point, file]) => `| \`${point}\` | \`${file}\` |`)
  .join('\n')}

## Power cuts

${listTable('power', of('power'))}

## Networks that are cut

${listTable('links', of('links'))}

## Three nats-servers

${listTable('bus', of('bus'))}

## What does not move, and what is large

${listTable('beside', of('beside'))}

## Simulation

${simulationTable(simulated)}
`;
}

/** One row for each fault, both modes beside each other. */
function walkTable(played: ReadonlyMap<string, Result>): string {
  const rows = (Object.keys(POINTS) as FaultPoint[]).flatMap((point) =>
    (Object.keys(ACTIONS) as FaultAction[]).flatMap((action) => {
      const both = MODES.map((mode) => played.get(`${mode} ${point}:${action}`));
      if (both.every((one) => one === undefined)) return [];
      return [`| \`${point}:${action}\` | ${both.map((one) => cells(one)).join(' | ')} |`];
    }),
  );
  const earlier = [...played.values()].filter(isEarlier).length;
  return [
    `${played.size} cases. The ${earlier} marked with * were not played again for this page: they come from a table of runs of older code.`,
    '',
    '| fault | cold | recovery | gap | postcopy | recovery | gap |',
    '| ----- | ---- | -------- | --- | -------- | -------- | --- |',
    ...rows,
  ].join('\n');
}

function listTable(kind: Kind, played: ReadonlyMap<string, Result>): string {
  const rows = expectedNames(kind).map((name) => {
    const one = played.get(name);
    return `| ${name} | ${cells(one)} | ${one?.played ?? ''} | ${one?.load ?? ''} |`;
  });
  return [
    '| trial | outcome | recovery | gap | played | load |',
    '| ----- | ------- | -------- | --- | ------ | ---- |',
    ...rows,
  ].join('\n');
}

function simulationTable(simulated: readonly Simulated[]): string {
  const asItIs = simulated.find(({ broken }) => broken === undefined);
  if (!asItIs) return 'Not run.';
  const { runs, violations, seedsPerSecond, stepsPerRun, outcomes } = asItIs;
  const ends = Object.entries(outcomes)
    .sort(([, a], [, b]) => b - a)
    .map(([outcome, count]) => `${count} ${outcome}`);
  const rows = Object.keys(BROKEN).flatMap((broken) => {
    const one = simulated.find((other) => other.broken === broken);
    return one ? [`| \`${broken}\` | ${one.violations} of ${one.runs} | ${one.seed} | ${one.rule} |`] : [];
  });
  return `[The simulation](../../simulation/handover/README.md) ran ${runs} seeds with ${violations} violations, ${seedsPerSecond} seeds a second with
${stepsPerRun} steps each: ${ends.join(', ')}.

Deliberate mistakes, and what the first seed that met them looked like (\`npm run simulate -- --runs 1 --seed SEED --broken VARIANT\` tells it
step by step):

| variant | caught | first seed | broken rule |
| ------- | ------ | ---------- | ----------- |
${rows.join('\n')}`;
}

function cells(result: Result | undefined): string {
  if (!result) return '| |';
  const seconds = (ms: number | undefined) => (ms === undefined ? '' : `${(ms / 1000).toFixed(1)} s`);
  return `${result.outcome}${isEarlier(result) ? '*' : ''} | ${seconds(result.recoveryMs)} | ${seconds(result.gapMs)}`;
}

function isEarlier({ played }: Result): boolean {
  return played === 'earlier';
}
