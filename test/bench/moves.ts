/**
 * Two like Redis containers under load, one moved by godwit, one by hand (`bare-move`), taking turns in one run: medians of
 * downtime and client gap, and their ratios. Usage: node dist/test/bench/moves.js [--quick]
 */
import { loadavg } from 'node:os';
import type { MigrateResult } from '../../protocol/mod.ts';
import { type Cluster, startCluster } from '../e2e/support/cluster.ts';
import { startContainer } from '../e2e/support/containers.ts';
import { createLab } from '../e2e/support/lab.ts';
import { type RedisClient, startRedisClient } from '../e2e/support/redis-client.ts';
import { moveByHand, startTwin } from './bare.ts';
import { caughtUp } from './caught-up.ts';
import {
  bareParts,
  MODES,
  type Mode,
  medians,
  type Sample,
  save,
  surroundings,
  TOOLS,
  type Tool,
  table,
} from './report.ts';

const INSTANCE = 'bench';
const MEGABYTES = 250;
const NODES = ['n1', 'n2'] as const;
const CONTAINERS = {
  godwit: { name: 'by-godwit', address: '10.77.1.10' },
  bare: { name: 'by-hand', address: '10.77.1.11' },
} as const;
const rounds = process.argv.includes('--quick') ? 3 : 10;

interface Place {
  readonly source: string;
  readonly target: string;
}

const movers = {
  async godwit(cluster: Cluster, mode: Mode, { target }: Place) {
    const result = await cluster.json<MigrateResult>(
      'migrate',
      CONTAINERS.godwit.name,
      target,
      '--mode',
      mode,
    );
    const { downtimeMs, freezeMs, exposureMs } = result;
    if (downtimeMs === null) throw new Error(`godwit cannot tell the downtime of job ${result.job}`);
    return { downtimeMs, parts: { freezeMs, exposureMs } };
  },
  bare: (cluster: Cluster, mode: Mode, place: Place) =>
    moveByHand(cluster, { name: CONTAINERS.bare.name, mode, ...place }),
};

const clients = new Map<Tool, RedisClient>();
const samples: Sample[] = [];
let leaving: Promise<never> | undefined;
// Every time, not once: npm hands a terminal's Ctrl-C on, so that it comes twice.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void leave(130));
try {
  await bench();
  await leave(0);
} catch (error) {
  if (!leaving) say(`the benchmark failed: ${(error as Error).message}`);
  await leave(1);
}

async function bench(): Promise<void> {
  // What a killed run may have left.
  await takeDown();
  const cluster = await slowly('starting the lab', () => startCluster(INSTANCE, { nodes: NODES.length }));
  const where = await surroundings(cluster);
  await slowly(`starting two containers with ${MEGABYTES} MB each`, () => startBoth(cluster));
  const startedAt = new Date().toISOString();
  try {
    await moveAll(cluster);
  } finally {
    const settings = { megabytes: MEGABYTES, rounds };
    const when = { startedAt, endedAt: new Date().toISOString(), complete: samples.length === moves() };
    const results = { medians: medians(samples), samples };
    if (!leaving) {
      const file = await save({ ...where, loadAtEnd: loadavg()[0], settings, ...when, ...results });
      say(`every sample: ${file}`);
    }
  }
  await slowly('the clients read every key back', judge);
  process.stdout.write(`${table(samples)}\n${bareParts(samples)}\n`);
}

async function startBoth(cluster: Cluster): Promise<void> {
  const { godwit, bare } = CONTAINERS;
  await startContainer(cluster, NODES[0], 'redis', godwit);
  await startTwin(cluster, { of: godwit, ...bare, mac: '02:00:00:00:00:0b', nodes: NODES });
  for (const tool of TOOLS) {
    clients.set(
      tool,
      await startRedisClient(cluster, { host: CONTAINERS[tool].address, megabytes: MEGABYTES }),
    );
  }
}

/** How many moves there are in all, the warm-up included. */
function moves(): number {
  return (rounds + 1) * MODES.length * TOOLS.length;
}

/** Every other round turns both orders about, so that mode, direction and tool do not go together. */
async function moveAll(cluster: Cluster): Promise<void> {
  let place: Place = { source: NODES[0], target: NODES[1] };
  for (let round = 0; round <= rounds; round++) {
    const turned = round % 2 === 1;
    for (const mode of turned ? MODES.toReversed() : MODES) {
      for (const tool of turned ? TOOLS.toReversed() : TOOLS) {
        const sample = { ...(await measure(cluster, tool, mode, place)), warmUp: round === 0 };
        samples.push(sample);
        const { downtimeMs, clientGapMs, totalMs, warmUp } = sample;
        say(
          `${samples.length}/${moves()} ${warmUp ? 'warm-up ' : ''}${tool} ${mode} to ${place.target}: ` +
            `downtime ${downtimeMs} ms, client gap ${clientGapMs} ms, whole ${totalMs} ms`,
        );
      }
      place = { source: place.target, target: place.source };
    }
  }
}

async function measure(
  cluster: Cluster,
  tool: Tool,
  mode: Mode,
  place: Place,
): Promise<Omit<Sample, 'warmUp'>> {
  for (const { address } of Object.values(CONTAINERS)) await caughtUp(cluster, address);
  const sinceMs = Date.now();
  const startMs = performance.now();
  const { downtimeMs, parts } = await movers[tool](cluster, mode, place);
  const totalMs = Math.round(performance.now() - startMs);
  const gap = await (clients.get(tool) as RedisClient).gapOf({ sinceMs, downtimeMs });
  const clientGapMs = Math.round(gap.ms);
  return { tool, mode, ...place, downtimeMs: Math.round(downtimeMs), clientGapMs, totalMs, parts };
}

async function judge(): Promise<void> {
  for (const [tool, client] of clients) {
    const { ok, problems, verifiedKeys, keys } = await client.finish();
    if (!ok) throw new Error(`${tool}: ${verifiedKeys} of ${keys} keys are right; ${problems.join('; ')}`);
  }
  clients.clear();
}

/** Shows a sign of life while something takes its time. */
async function slowly<Result>(what: string, action: () => Promise<Result>): Promise<Result> {
  const startMs = performance.now();
  const seconds = () => Math.round((performance.now() - startMs) / 1000);
  say(`${what} ...`);
  const alive = setInterval(() => say(`... ${seconds()} s`), 10_000);
  try {
    return await action();
  } finally {
    clearInterval(alive);
  }
}

/** Takes the lab down and exits; whoever calls it first says with what code. */
function leave(code: number): Promise<never> {
  leaving ??= (async () => {
    for (const client of clients.values()) client.kill();
    await takeDown().catch((error: unknown) => say(String(error)));
    process.exit(code);
  })();
  return leaving;
}

async function takeDown(): Promise<void> {
  const { exitCode, stderr } = await createLab(INSTANCE).run(['down']);
  if (exitCode !== 0) throw new Error(`lab down failed: ${stderr}`);
}

function say(line: string): void {
  process.stderr.write(`bench: ${line}\n`);
}
