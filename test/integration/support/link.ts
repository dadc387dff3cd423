import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A cable between a client and a server on loopback, which a test can cut. */
export interface Link {
  /** Where the client connects to. */
  readonly port: number;
  /** Connections that were made over it. */
  readonly connections: number;
  /** Bytes that came through, both directions together. */
  readonly bytes: number;
  /** It leads to this port from now on. */
  leadTo(port: number): void;
  /** Breaks every connection as a router that resets it does. What is under way is lost. */
  reset(): void;
  /** Nothing comes through, and nobody is told; new connections are not answered. */
  cut(): void;
  /** What comes from now on gets through. Connections from before stay dead, told to nobody. */
  mend(): void;
  /** Does this once so many bytes more have come through. */
  after(bytes: number, action: () => void): void;
  stop(): Promise<void>;
}

/** Puts a cable in front of `port` on loopback; without one it leads nowhere yet. */
export async function startLink(port = 0): Promise<Link> {
  let end = port;
  const sockets = new Set<Socket>();
  /** Not through yet: the cable was cut when they came. */
  const held = new Set<Socket>();
  let isCut = false;
  let age = 0;
  let connections = 0;
  let bytes = 0;
  let trigger = { at: Number.POSITIVE_INFINITY, action: () => {} };

  const through = (client: Socket): void => {
    const born = age;
    const server = connect({ port: end, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    connections += 1;
    const dead = (): boolean => isCut || born !== age;
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      sockets.add(from);
      from.on('data', (data) => {
        if (dead()) return;
        const room = Math.max(0, trigger.at - bytes);
        bytes += data.length;
        // The cable breaks in the middle of a piece as well.
        if (room < data.length) to.write(data.subarray(0, room));
        else if (!to.write(data)) hold(from, to);
        if (bytes >= trigger.at) fire();
      });
      from.on('end', () => {
        if (!dead()) to.end();
      });
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        if (!dead()) to.destroy();
      });
    }
  };
  const fire = (): void => {
    const { action } = trigger;
    trigger = { at: Number.POSITIVE_INFINITY, action: () => {} };
    action();
  };
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    client.on('error', () => {});
    if (!isCut) return through(client);
    held.add(client);
    client.on('close', () => held.delete(client));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  const destroyAll = (): void => {
    for (const socket of [...sockets, ...held]) socket.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    get bytes() {
      return bytes;
    },
    leadTo: (port) => {
      end = port;
    },
    reset: () => {
      age += 1;
      destroyAll();
    },
    cut: () => {
      isCut = true;
    },
    mend: () => {
      isCut = false;
      age += 1;
      for (const client of held) through(client);
      held.clear();
    },
    after: (more, action) => {
      trigger = { at: bytes + more, action };
    },
    stop: async () => {
      destroyAll();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Back-pressure; a cable that is cut meanwhile still takes what comes, and loses it. */
function hold(from: Socket, to: Socket): void {
  from.pause();
  to.once('drain', () => from.resume());
  to.once('close', () => from.resume());
}
