import { connect } from '@nats-io/transport-node';
import { expect, test } from 'vitest';
import { startNats } from './support/nats.ts';

test('a test server comes back on its port after it was killed', async () => {
  await using server = await startNats();
  const { port, pid } = server;

  await server.kill('SIGKILL');
  await server.start();

  expect(server.port).toBe(port);
  expect(server.pid).not.toBe(pid);
  const client = await connect({ servers: server.url });
  expect(client.info?.jetstream).toBe(true);
  await client.close();
});

test('a configuration that the server refuses is reported with its reason', async () => {
  await expect(startNats({ config: 'nonsense { x: y }' })).rejects.toThrow(/nats-server ended with 1/);
});
