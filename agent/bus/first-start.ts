import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';
import type { Clock } from '../effects/clock.ts';

/** Between two tries to reach a host that is not up yet. */
const AGAIN_MS = 50;
const DIAL_MS = 500;

export interface FirstStart {
  readonly self: string;
  readonly hosts: readonly string[];
  readonly port: number;
  readonly clock: Clock;
  /** After this the server starts anyway; the election then takes several seconds. */
  readonly deadlineMs: number;
}

/**
 * Waits until every member's agent is there, before the very first start of a cluster of servers; says which hosts were
 * missing. JetStream's servers vote right after their start, and one that comes later finds all votes given: the next
 * vote is 4 to 9 seconds away. Servers that start together have a leader within a second.
 */
export async function awaitMembers(options: FirstStart): Promise<readonly string[]> {
  const own = await addressOf(options.self);
  const missing = new Map<string, string>();
  for (const host of options.hosts) {
    if (host !== options.self) missing.set(host, await addressOf(host));
  }
  const done = new AbortController();
  const seen = (address: string) => {
    for (const [host, known] of missing) if (known === address) missing.delete(host);
    if (missing.size === 0) done.abort();
  };
  const doorbell = await openDoorbell(own, options.port, seen);
  const cancel = options.clock.after(options.deadlineMs, () => done.abort());
  try {
    await Promise.all([...missing.values()].map((address) => ring(options, own, address, seen, done.signal)));
  } finally {
    cancel();
    doorbell.close();
  }
  return [...missing.keys()];
}

/** Members that ring tell who they are by their address. */
async function openDoorbell(own: string, port: number, seen: (address: string) => void): Promise<Server> {
  const server = createServer((socket) => {
    // Before the socket is closed: afterwards it no longer knows.
    const caller = socket.remoteAddress ?? '';
    socket.on('error', () => undefined).destroy();
    seen(caller);
  });
  server.listen(port, own);
  await once(server, 'listening');
  return server;
}

async function ring(
  options: FirstStart,
  own: string,
  address: string,
  seen: (address: string) => void,
  done: AbortSignal,
): Promise<void> {
  while (!done.aborted) {
    if (await reachable(own, address, options.port, done)) return seen(address);
    await options.clock.sleep(AGAIN_MS, done).catch(() => undefined);
  }
}

function reachable(own: string, address: string, port: number, done: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, localAddress: own, timeout: DIAL_MS });
    const end = (answer: boolean) => {
      done.removeEventListener('abort', cancel);
      socket.destroy();
      resolve(answer);
    };
    const cancel = () => end(false);
    done.addEventListener('abort', cancel);
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.on('error', () => end(false));
  });
}

/** A name that cannot be resolved (yet) is only ever missing. */
async function addressOf(host: string): Promise<string> {
  return await lookup(host).then(
    (found) => found.address,
    () => host,
  );
}
