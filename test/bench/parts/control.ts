import type { MigrateReply } from '../../../protocol/mod.ts';
import type { Cluster } from '../../e2e/support/cluster.ts';
import { domainXml, startContainer } from '../../e2e/support/containers.ts';
import { until } from '../../e2e/support/until.ts';
import type { Bench } from '../bench.ts';
import type { Measurement } from '../document.ts';
import { openRequester, type Requester } from '../tools/requester.ts';
import { openShell } from '../tools/shell.ts';

const CONTAINERS = 100;
const MOVED = { name: 'moved', address: '10.77.1.10' } as const;
/** Moves that count for nothing: the first of each node. */
const WARMING = 2;
/** Until a node that has just started has found out what it can do, and V8 what to keep compiled. */
const SETTLED_MS = 15_000;
const part = 'control';

/** What an agent costs when nothing happens, and how long a command takes that moves nothing. */
export async function control(bench: Bench): Promise<void> {
  const cluster = await bench.lab({ nodes: 2 });
  await idle(bench, cluster);
  const requester = openRequester(bench, cluster);
  await accepted(bench, cluster, requester);
  await bench.slowly(`defining ${CONTAINERS} containers`, () => defineMany(requester));
  await commands(bench, cluster);
}

/** CPU time and resident memory of the agent and its nats-server while a cluster has nothing to do. */
async function idle(bench: Bench, { lab }: Cluster): Promise<void> {
  const seconds = bench.quick ? 20 : 60;
  const look = async () => {
    const [agent = '', server = ''] = (
      await lab.sh(
        'n1',
        `agent=$(cat /run/lab/agent.pid); server=$(pgrep -xo nats-server)
         for pid in $agent $server; do
           echo "$(cut -d' ' -f14,15 /proc/$pid/stat) $(sed -n 's/^VmRSS:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/$pid/status)"
         done`,
      )
    ).split('\n');
    return { atMs: performance.now(), agent: figures(agent), server: figures(server) };
  };
  await bench.slowly('letting the node come to rest', () => pause(SETTLED_MS));
  const before = await look();
  await bench.slowly(`watching an idle node for ${seconds} s`, () => pause(seconds * 1_000));
  const after = await look();
  for (const what of ['agent', 'server'] as const) {
    const cpuMs = after[what].cpuMs - before[what].cpuMs;
    const of = { part, what: `idle ${what === 'agent' ? 'agent' : 'nats-server'}`, way: 'godwit' };
    const share = (100 * cpuMs) / (after.atMs - before.atMs);
    bench.sample({ ...of, figure: 'CPU', unit: '% of a core' }, share);
    bench.sample({ ...of, figure: 'memory', unit: 'MiB' }, after[what].kib / 1024);
  }
}

/** "UTIME STIME RSS": clock ticks of 10 ms (USER_HZ is 100 wherever Linux runs) and KiB. */
function figures(line: string): { readonly cpuMs: number; readonly kib: number } {
  const [user = Number.NaN, system = Number.NaN, kib = Number.NaN] = line.split(' ').map(Number);
  return { cpuMs: (user + system) * 10, kib };
}

/** From the request of a move until the agent has accepted it. */
async function accepted(bench: Bench, cluster: Cluster, { ask }: Requester): Promise<void> {
  await startContainer(cluster, 'n1', 'redis', MOVED);
  const runs = bench.quick ? 6 : 20;
  for (let run = 0; run < runs + WARMING; run++) {
    const body = { target: run % 2 === 0 ? 'n2' : 'n1', mode: 'cold' };
    const { ms, reply } = await ask<MigrateReply>({
      family: 'container',
      name: MOVED.name,
      verb: 'migrate',
      body,
    });
    if (run >= WARMING) bench.sample(took('request to accepted'), ms);
    await until('the move has ended', 60_000, async () => {
      const { state } = await cluster.json<{ state: string }>('job', 'show', reply.job ?? '');
      return state === 'ended';
    });
  }
}

async function defineMany({ ask }: Requester): Promise<void> {
  for (let index = 0; index < CONTAINERS; index++) {
    const xml = domainXml({ name: `c${index}`, address: `10.77.2.${index + 1}` });
    await ask({ family: 'node', name: index % 2 === 0 ? 'n1' : 'n2', verb: 'define', body: { xml } });
  }
}

/** Whole processes, as a user starts them, and the shell's own cost beside them. */
async function commands(bench: Bench, cluster: Cluster): Promise<void> {
  const shell = openShell(bench, cluster, ['client']);
  const runs = bench.quick ? 5 : 20;
  const all = {
    [`godwit ps -a, ${CONTAINERS} containers`]: 'godwit ps -a',
    'godwit version': 'godwit version',
    'node -e 0': 'node -e 0',
  };
  for (let run = 0; run <= runs; run++) {
    for (const [what, command] of Object.entries(all)) {
      const ms = await shell.time(command);
      if (run > 0) bench.sample(took(what), ms);
    }
  }
}

function took(what: string): Omit<Measurement, 'values'> {
  return { part, what, way: 'godwit', figure: 'took', unit: 'ms' };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
