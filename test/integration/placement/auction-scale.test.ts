import { afterAll, beforeAll, expect, it } from 'vitest';
import { holdAuction } from '../../../agent/cluster/auction/hold.ts';
import type { Owned } from '../../../agent/containers/owned.ts';
import { minimal } from '../../../protocol/domain/fixtures/documents.ts';
import { parseDomain } from '../../../protocol/domain/mod.ts';
import { type Bidder, startBidder } from '../support/bidders.ts';
import { testRecord } from '../support/bus.ts';
import { type NatsServer, startNats } from '../support/nats.ts';

const BIDDERS = 500;
const AT_ONCE = 50;

let nats: NatsServer;
let source: Bidder;
const bidders: Bidder[] = [];

beforeAll(async () => {
  nats = await startNats();
  source = await startBidder(nats.url, 'source', 0);
  for (let at = 0; at < BIDDERS; at += AT_ONCE)
    bidders.push(
      ...(await Promise.all(
        Array.from({ length: AT_ONCE }, (_, i) =>
          startBidder(
            nats.url,
            `b${String(at + i).padStart(3, '0')}`,
            0.9 - (((at + i) * 37) % BIDDERS) / 1_000,
          ),
        ),
      )),
    );
}, 120_000);

afterAll(async () => {
  await Promise.all([source, ...bidders].map((each) => each?.[Symbol.asyncDispose]()));
  await nats?.stop();
}, 60_000);

function owned(name: string): Owned {
  return { record: testRecord(name), revision: 1, spec: parseDomain(minimal(), { file: 'test' }) };
}

it(`hears all of ${BIDDERS} bidders in one gather, and chooses the one with most room`, async () => {
  let entries: Awaited<ReturnType<typeof holdAuction>>['entries'] = [];
  let tookMs = 0;
  // All of them share one process with the source: on a busy machine it may look away for longer than a gather waits.
  await expect
    .poll(
      async () => {
        const beganMs = performance.now();
        ({ entries } = await holdAuction(source.agent, { auction: 'a1', owned: owned('c1') }));
        tookMs = performance.now() - beganMs;
        return entries.length;
      },
      { timeout: 40_000 },
    )
    .toBe(BIDDERS);
  expect(entries.every(({ score }) => score !== undefined)).toBe(true);
  const emptiest = bidders
    .map(({ agent }) => [agent.load.node()!.use.cpu, agent.config.node] as const)
    .sort()[0]!;
  expect(entries[0]).toMatchObject({ node: emptiest[1], parts: { largest: 'cpu' } });
  console.log(
    `${BIDDERS} bids in ${Math.round(tookMs)} ms, ${Math.round(JSON.stringify(entries).length / BIDDERS)} bytes each in the ranking`,
  );
});

it('counts what was promised: many auctions one after the other do not pile up on one node', async () => {
  const chosen: string[] = [];
  for (let i = 0; i < 12; i++) {
    const auction = `pile${i}`;
    const { entries } = await holdAuction(source.agent, { auction, owned: owned(auction) });
    const [winner] = entries;
    chosen.push(winner!.node);
    bidders.find(({ agent }) => agent.config.node === winner!.node)!.agent.bidding.prepared(auction);
  }
  const most = Math.max(...chosen.map((node) => chosen.filter((one) => one === node).length));
  expect(new Set(chosen).size).toBeGreaterThan(6);
  expect(most).toBeLessThanOrEqual(2);
});

it('asks a sample of a very large cluster', async () => {
  source.agent.nodes.seen = 5_000;
  const { entries } = await holdAuction(source.agent, { auction: 'sampled', owned: owned('c2') });
  expect(entries.length).toBeGreaterThan(20);
  expect(entries.length).toBeLessThan(110);
});
