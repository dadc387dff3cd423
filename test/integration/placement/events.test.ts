import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { NatsBus } from '../../../agent/bus/mod.ts';
import { subjects } from '../../../protocol/mod.ts';
import { checkout } from '../../e2e/support/checkout.ts';
import { testBus } from '../support/bus.ts';
import { type NatsServer, startNats } from '../support/nats.ts';

let nats: NatsServer;
let bus: NatsBus;
beforeAll(async () => {
  nats = await startNats();
  bus = await testBus(nats.url);
  await bus.ready(30_000);
});
afterAll(async () => {
  await bus?.close();
  await nats?.stop();
});

function publish(subject: string): void {
  bus.publish(subjects('test').event('job', subject), {
    specversion: '1.0',
    id: subject,
    source: 'test',
    type: 'io.godwit.v1.event.job',
    time: '2026-11-30T12:00:00.000Z',
    subject,
    data: {},
  });
}

/** Runs the example until it has printed so many lines. */
async function tail(lines: number): Promise<string[]> {
  const child = spawn(process.execPath, [join(checkout, 'deploy/events/tail.mjs')], {
    env: { PATH: process.env.PATH, NATS_URL: nats.url, GODWIT_CLUSTER: 'test' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  try {
    await expect.poll(() => text.split('\n').length - 1, { timeout: 50_000 }).toBeGreaterThanOrEqual(lines);
    // What is acknowledged has to reach the server before its client dies.
    await new Promise((resolve) => setTimeout(resolve, 500));
    return text.trim().split('\n');
  } finally {
    // What goes to one that is dying comes again, but only half a minute later.
    const ended = once(child, 'exit');
    child.kill();
    await ended;
  }
}

it('a durable consumer gets each event once, also what came while it was away', async () => {
  publish('a');
  publish('b');
  expect(await tail(2)).toEqual([
    '2026-11-30T12:00:00.000Z io.godwit.v1.event.job a',
    '2026-11-30T12:00:00.000Z io.godwit.v1.event.job b',
  ]);
  publish('c');
  expect(await tail(1)).toEqual(['2026-11-30T12:00:00.000Z io.godwit.v1.event.job c']);
});
