import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { type Capabilities, EXCHANGES, subjects as subjectsOf } from '../protocol/mod.ts';
import { startEmbeddedServer } from './bus/embedded-server.ts';
import { connectBus, type NatsBus, type Stoppable } from './bus/mod.ts';
import { keepCheckpointing } from './checkpoint/schedule.ts';
import { checkpointVerbs } from './checkpoint/serve.ts';
import { CheckpointStore } from './checkpoint/store/store.ts';
import { Bidding } from './cluster/auction/bidding.ts';
import { Failures } from './cluster/auction/failures.ts';
import { showAuction } from './cluster/auction/show.ts';
import { keepBalancing } from './cluster/balance/keep.ts';
import { startSampling } from './cluster/load/sampler.ts';
import type { AgentConfig } from './config/config.ts';
import { digestOf } from './containers/digest.ts';
import { OwnedContainers } from './containers/owned.ts';
import { containerVerbs } from './containers/verbs.ts';
import type { Criu } from './criu/criu.ts';
import { createCriu } from './criu/mod.ts';
import type { Runner } from './effects/runner.ts';
import { systemClock } from './effects/system-clock.ts';
import { systemRandom } from './effects/system-random.ts';
import { createRunner } from './effects/system-runner.ts';
import { Turns } from './effects/turns.ts';
import { ExecSessions } from './exec/sessions.ts';
import { execVerbs } from './exec/verbs.ts';
import { createFaults, type Faults } from './faults/faults.ts';
import type { Fault } from './faults/parse.ts';
import { raisePipeMaxSize } from './host/kernel.ts';
import { Departures } from './jobs/departures.ts';
import { eventPublisher } from './jobs/events.ts';
import { Jobs } from './jobs/jobs.ts';
import { JobStore } from './jobs/store.ts';
import { keepRunning } from './lifecycle/keep-running.ts';
import type { Agent } from './migration/agent.ts';
import { FirstPages } from './migration/first-pages.ts';
import { PairModels } from './migration/pair-models.ts';
import { migrateContainer } from './migration/source/migrate.ts';
import { resolveLost } from './migration/target/resolve-lost.ts';
import { startAnnouncing } from './node/announcer.ts';
import { probeCapabilities } from './node/capabilities.ts';
import { type Handlers, serveVerbs } from './node/endpoints.ts';
import { serveNode } from './node/serve.ts';
import { nodeStateIn } from './node/state.ts';
import type { LaunchPager } from './pager/client.ts';
import { awaitReconciled } from './recovery/await-reconciled.ts';
import { keepLooking } from './recovery/look-again.ts';
import { patiently } from './recovery/patiently.ts';
import { recover } from './recovery/recover.ts';
import { Sweeper } from './recovery/sweep.ts';
import { createLxcRuntime } from './runtime/lxc/runtime.ts';
import type { Runtime } from './runtime/runtime.ts';
import { openDataPort, SharedLink } from './transfer/mod.ts';
import { forwardEvents } from './webhooks/forward.ts';

/** CRIU's lazy page server splices whole page sets through pipes (platform traps): they must be allowed to be large. */
const PIPE_MAX_BYTES = 64 * 1024 * 1024;
/** The pager's entry point, beside this file. */
const PAGER = fileURLToPath(new URL('./pager/main.js', import.meta.url));
/** It has no deadline: its end is the end of its move, and it must outlive the agent. */
const pagerCommand = {
  file: process.execPath,
  deadlineMs: Number.POSITIVE_INFINITY,
  detached: true,
  silent: true,
} as const;

/** An agent that answers on the bus until it is stopped. Its containers run on when it stops. */
export interface RunningAgent {
  stop(): Promise<void>;
}

/** What an agent reaches its host with; tests give others. */
export interface Tools {
  readonly runner: Runner;
  readonly criu: Criu;
  readonly launchPager: LaunchPager;
  readonly runtime: Runtime;
  readonly openData: typeof openDataPort;
  /** Where moves are made to fail, in labs and tests. */
  readonly faults: Faults;
}

/** The programs of this machine, and what they are to fail at. */
export function systemTools(config: AgentConfig, log: Logger, faults: readonly Fault[]): Tools {
  const { node, lxcPath, runDir, dataPort, networks } = config;
  const runner = createRunner();
  const criu = createCriu({ runner });
  const { explain } = criu;
  return {
    runner,
    criu,
    launchPager: (file) => runner.start({ ...pagerCommand, args: [PAGER, file] }).ended,
    openData: openDataPort,
    runtime: createLxcRuntime({ runner, clock: systemClock, log, lxcPath, runDir, node, networks, explain }),
    faults: createFaults(faults, { runner, log, runDir, dataPort, busPorts: busPorts(config) }),
  };
}

/**
 * Puts the real parts together and goes to work.
 * @throws GodwitError HOST_FAILED, BUS_UNREACHABLE, STORE_UNAVAILABLE, CONFIG_INVALID
 */
export async function startAgent(
  config: AgentConfig,
  version: string,
  log: Logger,
  tools: Tools,
): Promise<RunningAgent> {
  const stops: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (let next = stops.pop(); next; next = stops.pop()) await next();
  };
  try {
    await compose(config, version, log, tools, stops);
  } catch (error) {
    await stop();
    throw error;
  }
  return { stop };
}

async function compose(
  config: AgentConfig,
  version: string,
  log: Logger,
  tools: Tools,
  stops: (() => Promise<void>)[],
) {
  const clock = systemClock;
  const random = systemRandom;
  const { runtime } = tools;
  await raisePipeMaxSize(PIPE_MAX_BYTES).catch((error: unknown) => {
    log.warn({ err: error }, 'fs.pipe-max-size stays as it is; post-copy of large containers may fail');
  });
  const { bus, notes } = await joinBus(config, version, log, tools, stops);
  const subjects = subjectsOf(config.cluster);
  const { dataPort: port, dataEncrypt: encrypt, receiveBytesPerSecond } = config;
  const data = await tools.openData({ host: '0.0.0.0', port, encrypt, receiveBytesPerSecond, clock, log });
  stops.push(() => data.close());

  const store = new JobStore(join(config.stateDir, 'jobs'), log);
  const kept = await store.load();
  stops.push(() => store.settled());

  const talks = new ExecSessions();
  stops.push(() => talks.stop());
  const containers = new OwnedContainers(bus.records, (name) => serveContainer(agent, name, talks));
  const load = await startSampling({
    config,
    clock,
    runtime,
    running: () => runningNames(containers),
    warn: (problem, text) => log.warn(problem, text),
  });
  stops.push(() => load.stop());
  if (!load.seesPressure)
    log.info('this kernel tells no pressure (PSI): use alone says how loaded the node is');

  let capabilities: Promise<Capabilities> | undefined;
  const agent: Agent = {
    config,
    version,
    incarnation: random.id(),
    startedAtMs: clock.nowMs(),
    log,
    clock,
    random,
    ...tools,
    bus,
    subjects,
    data,
    outbound: new SharedLink({ clock, limitBytesPerSecond: config.sendBytesPerSecond }),
    containers,
    jobs: new Jobs(store),
    departures: new Departures(config.movesOutMax),
    publish: eventPublisher({ bus, subjects, clock, random, node: config.node }),
    pairs: new PairModels(),
    firstPages: new FirstPages(),
    load,
    checkpoints: storeIn(config),
    bidding: new Bidding(() => agent),
    groupTurns: new Turns(),
    failures: new Failures(),
    nodes: {},
    capabilities: () => {
      capabilities ??= probeCapabilities({ ...tools, config });
      return capabilities;
    },
    notes,
    node: nodeStateIn(config.stateDir, log),
    arriving: new Map(),
    sweeping: new Set(),
    sweep: (container) => sweeper.sweep(container),
  };
  const sweeper = new Sweeper(agent);
  stops.push(() => sweeper.stop());
  const records = await patiently(agent, () => bus.records.list());
  await recover(agent, kept, records);
  data.settle();
  sweeper.begin();
  for (const endpoint of await serveNode(agent)) stops.push(() => endpoint.stop());
  const looking = keepLooking(agent);
  stops.push(() => looking.stop());
  const announcing = startAnnouncing(agent);
  stops.push(() => announcing.stop());
  for (const webhook of config.webhooks) {
    const forwarding = forwardEvents({ bus, clock, log, version }, webhook);
    stops.push(() => forwarding.stop());
  }
  const balancing = keepBalancing(agent);
  stops.push(() => balancing.stop());
  const keeping = await keepRunning(agent, records);
  stops.push(() => keeping.stop());
  const checkpointing = keepCheckpointing(agent);
  stops.push(() => checkpointing.stop());
  log.info(
    { node: config.node, cluster: config.cluster, containers: agent.containers.list().length },
    'ready',
  );
}

/** Those whose record says that they run here. */
function runningNames(containers: OwnedContainers): string[] {
  return containers.list().flatMap(({ record }) => (record.phase === 'stopped' ? [] : [record.name]));
}

function storeIn({ checkpoints: { dir }, node }: AgentConfig): CheckpointStore | undefined {
  return dir === undefined ? undefined : new CheckpointStore(dir, node);
}

function busPorts({ bus }: AgentConfig): number[] {
  if (bus.embedded) return [bus.clientPort];
  return (bus.url ?? '').split(',').map((url) => Number(/:(\d+)\/?$/.exec(url)?.[1] ?? bus.clientPort));
}

/** The agent's own server first, unless the cluster has NATS already. */
async function joinBus(
  config: AgentConfig,
  version: string,
  log: Logger,
  { runner }: Tools,
  stops: (() => Promise<void>)[],
): Promise<{ bus: NatsBus; notes: readonly string[] }> {
  const { node, cluster, address, bus: settings } = config;
  const common = { node, cluster, clock: systemClock, log };
  const server = settings.embedded
    ? await startEmbeddedServer({
        ...common,
        address,
        join: settings.join,
        runner,
        dir: join(config.stateDir, 'nats'),
        ports: { client: settings.clientPort, cluster: settings.clusterPort, leaf: settings.leafPort },
      })
    : undefined;
  if (server) stops.push(() => server.stop());
  const servers = server ? [server.url] : (settings.url ?? '').split(',');
  const bus = await connectBus({
    ...common,
    servers,
    version,
    recordReplicas: server?.replicas ?? 1,
    ...(settings.creds === undefined ? {} : { credsFile: settings.creds }),
    alarm: (alarm) => log.error({ alarm }, 'an invariant of the cluster is broken'),
  });
  stops.push(() => bus.close());
  return { bus, notes: server?.notes ?? [] };
}

/** What this node answers as the owner of one container. */
function serveContainer(agent: Agent, name: string, talks: ExecSessions): Promise<Stoppable> {
  const handlers: Required<Handlers<typeof EXCHANGES.container>> = {
    ...containerVerbs(name, agent),
    ...execVerbs(name, agent, talks),
    ...checkpointVerbs(name, agent),
    migrate: (request) => migrateContainer(agent, name, request),
    auction: () => showAuction(agent, name),
    resolve: async (request) => {
      await resolveLost(agent, name, request);
      return { container: await digestOf(agent.containers.get(name), agent) };
    },
  };
  // Whoever only looks gets to see what is known so far.
  const before = async (verb: string) => {
    if (verb !== 'info') await awaitReconciled(agent, name);
  };
  return serveVerbs(agent.bus, agent.subjects.containerAny(name), EXCHANGES.container, handlers, before);
}
