import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A cable between two nodes on loopback, which a test can cut. */
export interface Link {
  /** Leads to `port`; returns the port that is to be connected to instead. */
  lead(port: number): Promise<number>;
  /** Connections that were made over it. */
  readonly connections: number;
  /** Bytes that came through, both directions together. */
  readonly bytes: number;
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

/** A cable that leads nowhere yet. */
export function startLink(): Link {
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  /** Not through yet: the cable was cut when they came. */
  const held = new Map<Socket, number>();
  let isCut = false;
  let age = 0;
  let connections = 0;
  let bytes = 0;
  let trigger = { at: Number.POSITIVE_INFINITY, action: () => {} };

  const through = (client: Socket, port: number): void => {
    const born = age;
    const server = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
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
  const lead = async (port: number): Promise<number> => {
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
      client.on('error', () => {});
      if (!isCut) return through(client, port);
      held.set(client, port);
      client.on('close', () => held.delete(client));
    });
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };

  const destroyAll = (): void => {
    for (const socket of [...sockets, ...held.keys()]) socket.resetAndDestroy();
  };
  return {
    lead,
    get connections() {
      return connections;
    },
    get bytes() {
      return bytes;
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
      for (const [client, port] of held) through(client, port);
      held.clear();
    },
    after: (more, action) => {
      trigger = { at: bytes + more, action };
    },
    stop: async () => {
      destroyAll();
      await Promise.all(servers.map((server) => once(server.close(), 'close')));
    },
  };
}

/** Back-pressure; a cable that is cut meanwhile still takes what comes, and loses it. */
function hold(from: Socket, to: Socket): void {
  from.pause();
  to.once('drain', () => from.resume());
  to.once('close', () => from.resume());
}
