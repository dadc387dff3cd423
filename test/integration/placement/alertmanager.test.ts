import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CloudEvent, subjects } from '../../../protocol/mod.ts';
import { checkout } from '../../e2e/support/checkout.ts';
import { testBus } from '../support/bus.ts';
import { type NatsServer, startNats } from '../support/nats.ts';

let nats: NatsServer;
beforeAll(async () => {
  nats = await startNats();
});
afterAll(() => nats?.stop());

it('publishes firing alerts that name a node, and nothing else', async () => {
  const bus = await testBus(nats.url);
  const heard: { readonly node: string; readonly data: unknown }[] = [];
  await bus.subscribe(subjects('test').eventTopic('health'), ({ subject, body }) => {
    heard.push({ node: subject.split('.').at(-1) ?? '', data: CloudEvent.parse(body).data });
  });
  const bridge = spawn(process.execPath, [join(checkout, 'deploy/health/alertmanager-bridge.mjs')], {
    env: { PATH: process.env.PATH, NATS_URL: nats.url, GODWIT_CLUSTER: 'test', BRIDGE_PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [said] = (await once(bridge.stdout, 'data')) as [Buffer];
    const url = `http://127.0.0.1:${/\d+/.exec(said.toString())?.[0]}/`;
    const post = async (body: string) => (await fetch(url, { method: 'POST', body })).text();
    const labels = { alertname: 'Edac', severity: 'critical', instance: 'n1.example.org:9100' };
    const alerts = [
      { status: 'firing', labels, annotations: { summary: 'memory errors' } },
      { status: 'firing', labels: { alertname: 'Fan', severity: 'warning', node: 'n2' } },
      { status: 'resolved', labels: { ...labels, node: 'n3' } },
      { status: 'firing', labels: { alertname: 'NoNode', instance: '../etc' } },
    ];
    expect(await post(JSON.stringify({ alerts }))).toBe('2\n');
    await expect.poll(() => heard.length, { timeout: 15_000 }).toBe(2);
    expect(heard).toEqual([
      { node: 'n1', data: { severity: 'critical', reason: 'memory errors' } },
      { node: 'n2', data: { severity: 'warning', reason: 'Fan' } },
    ]);
    expect(await post('no json')).toMatch(/JSON/);
  } finally {
    bridge.kill();
    await bus.close();
  }
});
