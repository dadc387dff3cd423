import { once } from 'node:events';
import { createServer } from 'node:net';

/** Ports that nobody listens on right now, on any address. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => server.close() && once(server, 'close')));
  return ports;
}
