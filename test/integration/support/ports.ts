import { once } from 'node:events';
import { createServer } from 'node:net';

// Below the ports that the kernel gives out by itself (32768 and up), and apart for test files and runs beside each other.
const FIRST = 20_000 + 1_000 * (process.ppid % 12) + 200 * (Number(process.env.VITEST_POOL_ID ?? 0) % 5);
let next = FIRST;

/** Ports that nobody listens on right now, on any address, and that no other test file takes meanwhile. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    if (await isFree(next)) ports.push(next);
    next++;
  }
  return ports;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen(port);
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
