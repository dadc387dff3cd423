import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One delivery as a web server got it. */
export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What the next request gets: a status, or a connection that breaks. */
export type Reaction = number | 'break';

/** A web server that fails as told; afterwards it takes everything. */
export interface Receiver {
  readonly url: string;
  /** Every request, the failed ones too, in their order. */
  readonly received: Received[];
  fail(...reactions: readonly Reaction[]): void;
  stop(): Promise<void>;
}

export async function startReceiver(port = 0): Promise<Receiver> {
  const received: Received[] = [];
  const reactions: Reaction[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    received.push({
      path: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(parts).toString(),
    });
    const reaction = reactions.shift() ?? 204;
    if (reaction === 'break') request.socket.destroy();
    else response.writeHead(reaction).end();
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/godwit`,
    received,
    fail: (...more) => void reactions.push(...more),
    stop: async () => {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
}
