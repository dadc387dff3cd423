import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../effects/system-clock.ts';
import { createMeter } from './meter.ts';
import { relayConnect, relayListen } from './relay.ts';
import { NEVER, openPair, openPorts, type Ports, readAll } from './testing.ts';

describe('relays', () => {
  let ports: Ports;
  let criu: Server;
  let served: Promise<Socket>;
  let criuPort: number;
  const sockets: Socket[] = [];
  const base = { meter: createMeter({ clock: systemClock }), clock: systemClock, signal: NEVER };

  beforeEach(async () => {
    ports = await openPorts();
    criu = createServer({ allowHalfOpen: true });
    served = once(criu, 'connection').then(([socket]) => {
      sockets.push(socket);
      return socket.on('error', () => {});
    });
    criu.listen(0, '127.0.0.1');
    await once(criu, 'listening');
    criuPort = (criu.address() as AddressInfo).port;
  });

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    criu.close();
    await ports.close();
  });

  function dial(port: number): Socket {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    sockets.push(socket);
    return socket.on('error', () => {});
  }

  it('joins two criu ends, each closing when it is done', async () => {
    const { near, far } = await openPair(ports, 'pages');
    const listen = await relayListen({ ...base, open: async () => near });
    const { done } = relayConnect({ ...base, port: criuPort, stream: far });
    const client = dial(listen.port);
    const pages = randomBytes(5_000_000);
    client.end(pages);
    const server = await served;
    expect((await readAll(server)).equals(pages)).toBe(true);
    server.end('status');
    expect((await readAll(client)).toString()).toBe('status');
    expect(await listen.done).toEqual({ sent: pages.length, received: 6 });
    expect(await done).toEqual({ sent: 6, received: pages.length });
  });
});
