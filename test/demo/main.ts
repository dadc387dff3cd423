/** The main job, shown: a Redis under load goes round three nodes and its client never loses its connection. */
import { styleText } from 'node:util';
import { drawTimeline } from '../../cli/follow/timeline/mod.ts';
import type { Job, MigrateResult } from '../../protocol/mod.ts';
import { type Cluster, startCluster } from '../e2e/support/cluster.ts';
import { startContainer } from '../e2e/support/containers.ts';
import { type RedisClient, startRedisClient } from '../e2e/support/redis-client.ts';

const COLUMNS = 96;
const MEGABYTES = 250;
const ADDRESS = '10.77.1.10';
const MOVES = [
  { target: 'n2', mode: 'postcopy' },
  { target: 'n3', mode: 'cold' },
  { target: 'n1', mode: 'postcopy' },
] as const;

let cluster: Cluster | undefined;
let client: RedisClient | undefined;
let failed = false;
let leaving: Promise<never> | undefined;
// npm passes a Ctrl-C on, so it comes twice.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void leave(130));

try {
  await show();
} catch (error) {
  failed = true;
  await leaving;
  say(styleText('red', `the demo failed: ${(error as Error).message}`));
}
await leave(failed ? 1 : 0);

async function show(): Promise<void> {
  title('A lab of three nodes: each with its own agent and NATS server, none of them special');
  cluster = await slowly('starting the lab (the first time it builds a node image: one or two minutes)', () =>
    startCluster('demo'),
  );
  await print('node', 'ls');

  title('A Redis container, from libvirt domain XML, on n1');
  await startContainer(cluster, 'n1', 'redis', { name: 'redis', address: ADDRESS });
  await print('ps');

  title(`A client outside all nodes: loads ${MEGABYTES} MB, then sets, gets and counts on one connection`);
  client = await slowly('loading', () =>
    startRedisClient(cluster as Cluster, { host: ADDRESS, megabytes: MEGABYTES }),
  );

  for (const { target, mode } of MOVES) await move(target, mode);

  title('The verdict');
  const verdict = await slowly('the client reads every key back', () => (client as RedisClient).finish());
  client = undefined;
  say(
    `  ${verdict.replies} replies compared, ${verdict.wrong} wrong; ${verdict.verifiedKeys} of ${verdict.keys} keys read back`,
  );
  say(`  one connection from the first to the last reply (local port ${verdict.localPort})`);
  for (const problem of verdict.problems) say(`  ${problem}`);
  failed = !verdict.ok;
  say(verdict.ok ? styleText('green', '  nothing was lost') : styleText('red', '  something was lost'));
}

async function move(target: string, mode: string): Promise<void> {
  const lab = cluster as Cluster;
  title(`godwit migrate redis ${target} --mode ${mode}`);
  const sinceMs = Date.now();
  const result = await lab.json<MigrateResult>('migrate', 'redis', target, '--mode', mode);
  const job = await lab.json<Job>('job', 'show', result.job);
  say(indented(drawTimeline(job, COLUMNS)));
  const gap = await (client as RedisClient).gapOf({ sinceMs, downtimeMs: result.downtimeMs ?? 0 });
  const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  say(`  downtime ${ms(result.downtimeMs)}, client gap ${ms(gap.ms)}, exposure ${ms(result.exposureMs)}`);
  say(
    `  moved ${mib(result.bytes.memory)} of memory and ${mib(result.bytes.images)} of images in ${ms(result.totalMs)}`,
  );
  await print('ps');
}

function ms(value: number | null): string {
  return value === null ? 'unknown' : `${Math.round(value)} ms`;
}

async function print(...args: string[]): Promise<void> {
  const { stdout } = await (cluster as Cluster).godwit(...args);
  say(indented(stdout));
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, '    ');
}

/** Shows a sign of life while something takes its time. */
async function slowly<Result>(what: string, action: () => Promise<Result>): Promise<Result> {
  const startMs = performance.now();
  say(`  ${what} ...`);
  const alive = setInterval(() => say(`  ... ${Math.round((performance.now() - startMs) / 1000)} s`), 10_000);
  try {
    return await action();
  } finally {
    clearInterval(alive);
    say(`  done in ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
  }
}

/** Takes the lab down, once, whoever asks first. */
function leave(code: number): Promise<never> {
  leaving ??= (async () => {
    client?.kill();
    if (cluster) {
      await cluster.down().catch((error: unknown) => say(String(error)));
      say('The lab is down, nothing is left of it.');
    }
    process.exit(code);
  })();
  return leaving;
}

function title(text: string): void {
  say(`\n${styleText('bold', text)}`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
