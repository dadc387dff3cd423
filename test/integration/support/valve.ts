import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP relay in front of a server whose two directions can be cut at will. */
export interface Valve {
  readonly url: string;
  /** What the server says is dropped; what the client says still reaches the server. */
  holdAnswers(): void;
  /** Passes on what comes from now on; what was held is lost. */
  letAnswers(): void;
  /** Resolves when the client has said something more, and the server has answered it. */
  nextRequest(): Promise<void>;
  breakConnections(): void;
  /** Breaks the connections and lets no new one through. */
  refuse(): void;
  accept(): void;
  stop(): Promise<void>;
}

/** Puts a valve on a free port in front of `port` on loopback. */
export async function startValve(port: number): Promise<Valve> {
  const pairs = new Set<[client: Socket, upstream: Socket]>();
  let holding = false;
  let refusing = false;
  let answered: (() => void) | undefined;

  const server = createServer((client) => {
    if (refusing) return client.destroy();
    const upstream = connect(port, '127.0.0.1');
    const pair: [Socket, Socket] = [client, upstream];
    pairs.add(pair);
    client.on('data', (data) => upstream.write(data));
    upstream.on('data', (data) => {
      if (holding) answered?.();
      else client.write(data);
    });
    const close = () => {
      pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of pair) socket.on('close', close).on('error', close);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');

  const breakConnections = () => {
    for (const [client, upstream] of [...pairs]) {
      client.destroy();
      upstream.destroy();
    }
  };
  return {
    url: `nats://127.0.0.1:${address.port}`,
    holdAnswers: () => {
      holding = true;
    },
    letAnswers: () => {
      holding = false;
    },
    nextRequest: () =>
      new Promise((resolve) => {
        answered = resolve;
      }),
    breakConnections,
    refuse: () => {
      refusing = true;
      breakConnections();
    },
    accept: () => {
      refusing = false;
    },
    stop: async () => {
      breakConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
