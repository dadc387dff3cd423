import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { systemClock } from '../effects/system-clock.ts';
import { awaitMembers } from './first-start.ts';

const HOSTS = ['127.0.0.41', '127.0.0.42', '127.0.0.43'];

/** A port that is free right now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('members that come one after the other go on together', async () => {
  const port = await freePort();
  const went: number[] = [];
  const missing = await Promise.all(
    HOSTS.map(async (self, i) => {
      await systemClock.sleep(i * 600);
      const left = await awaitMembers({ self, hosts: HOSTS, port, clock: systemClock, deadlineMs: 10_000 });
      went.push(systemClock.monotonicMs());
      return left;
    }),
  );
  expect(missing).toEqual([[], [], []]);
  // All within less than it took the last one to come.
  expect(Math.max(...went) - Math.min(...went)).toBeLessThan(600);
});

test('a member that never comes is named after the deadline, and the port is free again', async () => {
  const port = await freePort();
  const options = { self: HOSTS[0]!, hosts: HOSTS.slice(0, 2), port, clock: systemClock, deadlineMs: 200 };
  expect(await awaitMembers(options)).toEqual([HOSTS[1]]);
  expect(await awaitMembers(options)).toEqual([HOSTS[1]]);
});
