/** The same container moved by godwit and by hand, alternating in one run: medians of downtime and client gap. */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { MigrateResult } from '../../protocol/mod.ts';
import { checkout } from '../e2e/support/checkout.ts';
import { type Cluster, startCluster } from '../e2e/support/cluster.ts';
import { startContainer } from '../e2e/support/containers.ts';
import { type RedisClient, startRedisClient } from '../e2e/support/redis-client.ts';

const INSTANCE = 'bench';
const MODES = ['cold', 'postcopy'] as const;
const TOOLS = ['godwit', 'bare'] as const;
const MEGABYTES = 250;

interface Sample {
  readonly tool: (typeof TOOLS)[number];
  readonly mode: (typeof MODES)[number];
  readonly downtimeMs: number;
  readonly clientGapMs: number;
}

const runs = process.argv.includes('--quick') ? 3 : 10;
const cluster = await startCluster(INSTANCE, { nodes: 2 });
try {
  await report(await measure(cluster));
} finally {
  await cluster.down();
}

async function measure(lab: Cluster): Promise<Sample[]> {
  await startContainer(lab, 'n1', 'redis', { name: 'godwit', address: '10.77.1.10' });
  await startBare(lab, '10.77.1.11');
  const clients = {
    godwit: await startRedisClient(lab, { host: '10.77.1.10', megabytes: MEGABYTES }),
    bare: await startRedisClient(lab, { host: '10.77.1.11', megabytes: MEGABYTES }),
  };
  const samples: Sample[] = [];
  for (let run = 0; run < runs * MODES.length; run++) {
    const mode = MODES[run % MODES.length] ?? 'cold';
    const [source, target] = run % 2 === 0 ? (['n1', 'n2'] as const) : (['n2', 'n1'] as const);
    for (const tool of TOOLS) {
      const sinceMs = Date.now();
      const downtimeMs =
        tool === 'godwit' ? await byGodwit(lab, mode, target) : await byHand(mode, source, target);
      const clientGapMs = await gapOf(clients[tool], sinceMs);
      samples.push({ tool, mode, downtimeMs, clientGapMs });
      console.error(
        `${samples.length}/${runs * 4} ${tool} ${mode}: downtime ${downtimeMs} ms, client gap ${clientGapMs} ms`,
      );
    }
  }
  for (const tool of TOOLS) {
    const { ok, problems } = await clients[tool].finish();
    if (!ok) console.error(`the client of ${tool} is not content: ${problems.join('; ')}`);
  }
  return samples;
}

async function byGodwit(lab: Cluster, mode: string, target: string): Promise<number> {
  const result = await lab.json<MigrateResult>('migrate', 'godwit', target, '--mode', mode);
  return Math.round(result.downtimeMs ?? Number.NaN);
}

async function byHand(mode: string, source: string, target: string): Promise<number> {
  const script = join(checkout, 'test/bench/bare-move');
  const env = { ...process.env, GODWIT_LAB: INSTANCE };
  const { stdout } = await promisify(execFile)(script, [mode, 'bare', source, target], {
    env,
    timeout: 120_000,
  });
  return Number(stdout);
}

/** The largest gap of the move: the client notes it when it is over, so it answers again by then. */
async function gapOf(client: RedisClient, sinceMs: number): Promise<number> {
  const gaps = client.gapsSince(sinceMs).map((gap) => gap.ms);
  return Math.round(Math.max(0, ...gaps));
}

/** A container like godwit's, with LXC's own configuration on both nodes, that godwit knows nothing of. */
async function startBare(lab: Cluster, address: string): Promise<void> {
  const made = await lab.lab.run(['rootfs', 'redis', 'bare']);
  if (made.exitCode !== 0) throw new Error(made.stderr);
  const config = await lab.lab.sh('n1', 'cat /var/lib/lxc/godwit/config');
  const mine = config
    .replaceAll('10.77.1.10', address)
    .replaceAll(/\bgodwit\b(?=$|["'])/gm, 'bare')
    .replaceAll('/srv/godwit/godwit', '/srv/godwit/bare')
    .replaceAll(/^lxc\.net\.0\.(hwaddr|veth\.pair).*$/gm, '');
  for (const node of ['n1', 'n2'])
    await lab.lab.sh(
      node,
      `mkdir -p /var/lib/lxc/bare && cat >/var/lib/lxc/bare/config <<'CONFIG'\n${mine}\nlxc.net.0.hwaddr = 02:00:00:00:00:0b\nCONFIG`,
    );
  await lab.lab.sh('n1', 'lxc-start -n bare -d </dev/null >/dev/null 2>&1');
}

async function report(samples: readonly Sample[]): Promise<void> {
  const median = (tool: string, mode: string, figure: 'downtimeMs' | 'clientGapMs') => {
    const sorted = samples
      .filter((sample) => sample.tool === tool && sample.mode === mode)
      .map((sample) => sample[figure])
      .sort((a, b) => a - b);
    return (
      ((sorted[Math.floor((sorted.length - 1) / 2)] ?? 0) + (sorted[Math.floor(sorted.length / 2)] ?? 0)) / 2
    );
  };
  console.log('mode      figure      godwit      bare   ratio');
  for (const mode of MODES) {
    for (const figure of ['downtimeMs', 'clientGapMs'] as const) {
      const [ours, theirs] = [median('godwit', mode, figure), median('bare', mode, figure)];
      const cells = [ours.toFixed(0), theirs.toFixed(0), (ours / theirs).toFixed(2)];
      console.log(
        `${mode.padEnd(10)}${figure.padEnd(12)}${cells[0]?.padStart(5)} ms${cells[1]?.padStart(7)} ms${cells[2]?.padStart(8)}`,
      );
    }
  }
  const dir = join(checkout, 'dist/bench');
  await mkdir(dir, { recursive: true });
  const machine = {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.version,
  };
  await writeFile(
    join(dir, 'moves.json'),
    JSON.stringify({ machine, megabytes: MEGABYTES, runs, samples }, null, 2),
  );
}
