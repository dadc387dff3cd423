/**
 * What godwit's data stream costs against a plain TCP connection, on loopback, every part in its own process:
 *   direct  writer -> reader
 *   stream  writer into a data stream -> data stream in the reader
 *   tunnel  writer -> relay -> data stream -> relay -> reader (as between two criu processes)
 *   sealed  the same with an encrypted data stream
 * The CPU time of the process that needs most is the throughput when every process has a core (the parts of a move are on two
 * machines).
 */
import { fork } from 'node:child_process';
import { on, once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../../agent/effects/system-clock.ts';
import { createMeter, openDataPort, relayConnect, relayListen } from '../../../agent/transfer/mod.ts';

const MIB = 1024 * 1024;
const HOST = '127.0.0.1';
const TOKEN = 'bench-token';
const ID = { job: 'bench', kind: 'pages', index: 0 } as const;
const signal: AbortSignal = new AbortController().signal;
const base = { meter: createMeter({ clock: systemClock }), signal };
const log = { debug: () => {}, warn: () => {} };

/** What the children do. A listening one tells its port, a writing one how many milliseconds it took. */
const roles = {
  async reader(): Promise<void> {
    const server = createServer((socket) => socket.on('data', () => {}).on('end', () => server.close()));
    server.listen(0, HOST);
    await once(server, 'listening');
    tell((server.address() as AddressInfo).port);
    await once(server, 'close');
  },
  async writer(bytes: number, port: number): Promise<void> {
    const socket = connect({ port, host: HOST, noDelay: true });
    await once(socket, 'connect');
    tell(await fill(socket, bytes));
  },
  async streamReader(): Promise<void> {
    const port = await openDataPort({ host: HOST, port: 0, clock: systemClock, log });
    port.permit(ID.job, TOKEN);
    tell(port.port);
    const stream = await port.accept(ID, signal);
    stream.end();
    await once(
      stream.on('data', () => {}),
      'close',
    );
    await port.close();
  },
  async streamWriter(bytes: number, port: number): Promise<void> {
    const local = await openDataPort({ host: HOST, port: 0, clock: systemClock, log });
    const stream = await local.open({ host: HOST, port, token: TOKEN }, ID, signal);
    tell(await fill(stream, bytes));
    await local.close();
  },
  async relayReader(_bytes: number, criuPort: number): Promise<void> {
    const port = await openDataPort({ host: HOST, port: 0, clock: systemClock, log });
    port.permit(ID.job, TOKEN);
    tell(port.port);
    const stream = await port.accept(ID, signal);
    await relayConnect({ ...base, port: criuPort, stream }).done;
    await port.close();
  },
  relayWriter: (_bytes: number, peerPort: number) => writeThroughRelay(peerPort, false),
  sealingRelayWriter: (_bytes: number, peerPort: number) => writeThroughRelay(peerPort, true),
};

const ways = {
  async direct(bytes: number): Promise<number> {
    return start('writer', bytes, await start('reader'));
  },
  async stream(bytes: number): Promise<number> {
    return start('streamWriter', bytes, await start('streamReader'));
  },
  async tunnel(bytes: number): Promise<number> {
    const peer = await start('relayReader', bytes, await start('reader'));
    return start('writer', bytes, await start('relayWriter', bytes, peer));
  },
  async sealed(bytes: number): Promise<number> {
    const peer = await start('relayReader', bytes, await start('reader'));
    return start('writer', bytes, await start('sealingRelayWriter', bytes, peer));
  },
};

/** The CPU milliseconds of every child of the present run, when each has ended. */
let running: Promise<number>[] = [];

/** MiB per second, as the whole took and as the process that needs most CPU time would do with a core of its own. */
interface Rates {
  readonly whole: number;
  readonly busiest: number;
}

/** Sends so many bytes in each way, in turns, and tells of each. */
export async function compareWays(
  bytes: number,
  rounds: number,
  tell: (way: string, rates: Rates) => void,
): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    for (const [way, send] of Object.entries(ways)) {
      running = [];
      const tookMs = await send(bytes);
      const cpuMs = Math.max(...(await Promise.all(running)));
      const rate = (ms: number) => bytes / MIB / (ms / 1000);
      tell(way, { whole: rate(tookMs), busiest: rate(cpuMs) });
    }
  }
}

/** Starts a role in a child; resolves with the number it tells. */
async function start(name: keyof typeof roles, bytes = 0, port = 0): Promise<number> {
  const child = fork(fileURLToPath(import.meta.url), [name, String(bytes), String(port)]);
  const messages = on(child, 'message');
  const [{ told }] = (await messages.next()).value;
  running.push(messages.next().then(({ value: [{ cpuMs }] }) => cpuMs));
  return told;
}

async function writeThroughRelay(peerPort: number, encrypt: boolean): Promise<void> {
  const local = await openDataPort({ host: HOST, port: 0, clock: systemClock, log, encrypt });
  const open = () => local.open({ host: HOST, port: peerPort, token: TOKEN }, ID, signal);
  const relay = await relayListen({ ...base, open });
  tell(relay.port);
  await relay.done;
  await local.close();
}

function tell(told: number): void {
  process.send?.({ told });
}

/** Writes `bytes` bytes and waits until the reader has closed; returns the milliseconds that took. */
async function fill(to: Duplex, bytes: number): Promise<number> {
  const piece = Buffer.alloc(256 * 1024, 7);
  to.on('data', () => {});
  const startMs = performance.now();
  for (let sent = 0; sent < bytes; sent += piece.length) {
    if (!to.write(piece)) await once(to, 'drain');
  }
  to.end();
  await once(to, 'close');
  return performance.now() - startMs;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [role, ...numbers] = process.argv.slice(2);
  const before = process.cpuUsage();
  await roles[role as keyof typeof roles](Number(numbers[0]), Number(numbers[1]));
  const { user, system } = process.cpuUsage(before);
  process.send?.({ cpuMs: (user + system) / 1000 }, () => process.disconnect());
}
