import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { NatsBus } from '../../../agent/bus/mod.ts';
import { type ContainerAuction, EvacuateReply, type Job, JobInfo, subjects } from '../../../protocol/mod.ts';
import { testBus } from '../support/bus.ts';
import { type NatsServer, startNats } from '../support/nats.ts';
import { measured, type Phase, pageText } from './figures.ts';
import { type Fleets, startFleets } from './fleets.ts';
import { meterTraffic, type TrafficMeter } from './traffic.ts';
import { nodeName } from './words.ts';

/** 500 by hand: GODWIT_AGENTS=500, which also writes FIGURES.md. */
const AGENTS = Number(process.env.GODWIT_AGENTS ?? 24);
const EACH = 125;
const CONTAINERS = AGENTS > 100 ? ['m0', 'm1', 'm2', 'm3', 'm4', 'm5'] : ['m0', 'm1', 'm2'];
const IDLE_MS = AGENTS > 100 ? 30_000 : 4_000;
const AUCTIONS = AGENTS > 100 ? 20 : 5;
const PATIENCE = { timeout: 300_000, interval: 100 };
const ASK = { timeoutMs: 60_000 };

const words = subjects('test');
const source = nodeName(0);
let nats: NatsServer;
let fleets: Fleets;
let meter: TrafficMeter;
let bus: NatsBus;

beforeAll(async () => {
  nats = await startNats();
  bus = await testBus(nats.url, { node: 'op' });
  fleets = await startFleets(nats.url, AGENTS, EACH);
  meter = await meterTraffic(nats.url);
}, 900_000);

afterAll(async () => {
  await meter?.[Symbol.asyncDispose]();
  await fleets?.[Symbol.asyncDispose]();
  await bus?.close();
  await nats?.stop();
}, 300_000);

it(`${AGENTS} agents announce themselves, hold auctions and empty one of them`, async () => {
  const scene = { fleets, meter, serverPid: nats.pid };
  for (const name of CONTAINERS) await run(name);
  const heard = new Set<string>();
  const listening = await bus.subscribe(words.announceAll, ({ body }) =>
    heard.add((body as { node: string }).node),
  );
  const idle = await measured('nothing', scene, () => new Promise((resolve) => setTimeout(resolve, IDLE_MS)));
  await expect.poll(() => heard.size, PATIENCE).toBe(AGENTS);
  await listening.stop();

  const tookMs: number[] = [];
  const answers: number[] = [];
  // Answers that are late on a busy machine are not waited for.
  await expect.poll(async () => (await auction('m0')).entries.length, PATIENCE).toBe(AGENTS - 1);
  const auctions = await measured(`${AUCTIONS} auctions`, scene, async () => {
    for (let i = 0; i < AUCTIONS; i++) {
      const beganMs = performance.now();
      const { entries } = await auction(CONTAINERS[i % CONTAINERS.length]!);
      tookMs.push(performance.now() - beganMs);
      answers.push(entries.length);
    }
  });
  expect(Math.min(...answers)).toBeGreaterThan(0);

  let ended: Job | undefined;
  const evacuation = await measured(`an evacuation of ${CONTAINERS.length}`, scene, async () => {
    const body = { type: 'io.godwit.v1.node.evacuate.request', unsafe: true, parallel: 2 };
    const { job } = EvacuateReply.parse(await bus.request(words.node(source, 'evacuate'), body, ASK));
    await expect.poll(async () => (await jobOf(job!)).state, PATIENCE).toBe('ended');
    ended = await jobOf(job!);
  });
  expect(ended).toMatchObject({ kind: 'evacuate', outcome: 'done' });
  const items = ended?.evacuation?.items ?? [];
  expect(items.map(({ state }) => state)).toEqual(CONTAINERS.map(() => 'moved'));
  expect(items.map(({ target }) => target)).not.toContain(source);

  // One a second each: nobody says more because there are more.
  expect(rateOf(idle, 'announce')).toBeLessThan(1.5);
  expect(
    idle.traffic.filter(({ kind }) => kind !== 'announce').reduce((sum, one) => sum + one.messages, 0),
  ).toBeLessThan((AGENTS * idle.elapsedMs) / 1000);
  const page = pageText(AGENTS, [idle, auctions, evacuation], { tookMs, answers });
  console.log(page);
  if (process.env.GODWIT_AGENTS) writeFileSync(new URL('FIGURES.md', import.meta.url), page);
}, 900_000);

function rateOf({ traffic, elapsedMs }: Phase, kind: string): number {
  const messages = traffic.find((one) => one.kind === kind)?.messages ?? 0;
  return messages / AGENTS / (elapsedMs / 1000);
}

async function run(name: string): Promise<void> {
  const xml = `<domain type='lxc'><name>${name}</name><memory unit='MiB'>64</memory><os><type>exe</type>
    <init>/bin/app</init></os><devices><filesystem type='mount'><source dir='${tmpdir()}'/><target dir='/'/>
    </filesystem></devices></domain>`;
  const define = { type: 'io.godwit.v1.node.define.request', xml };
  await bus.request(words.node(source, 'define'), define, ASK);
  await bus.request(words.container(name, 'start'), { type: 'io.godwit.v1.container.start.request' }, ASK);
}

async function auction(name: string): Promise<ContainerAuction> {
  const body = { type: 'io.godwit.v1.container.auction.request' };
  return (await bus.request(words.container(name, 'auction'), body, ASK)) as ContainerAuction;
}

async function jobOf(id: string): Promise<Job> {
  return JobInfo.parse(
    await bus.request(words.job(id, 'info'), { type: 'io.godwit.v1.job.info.request' }, ASK),
  ).job;
}
