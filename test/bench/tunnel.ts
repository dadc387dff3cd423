/**
 * What godwit's data stream costs against a plain TCP connection, on loopback, every part in its own process:
 *   direct  writer -> reader
 *   stream  writer into a data stream -> data stream in the reader
 *   tunnel  writer -> relay -> data stream -> relay -> reader (as between two criu processes)
 *   sealed  the same with an encrypted data stream
 * Usage: node dist/test/bench/tunnel.js [MIB] [ROUNDS]; prints medians and ratios. `busiest` is the CPU time of the process
 * that needs most: its inverse is the throughput when every process has a core (the parts of a move are on two machines).
 */
import { fork } from 'node:child_process';
import { on, once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../agent/effects/system-clock.ts';
import { createMeter, openDataPort, relayConnect, relayListen } from '../../agent/transfer/mod.ts';

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

const [role = '', ...numbers] = process.argv.slice(2);
if (Object.hasOwn(roles, role)) {
  const before = process.cpuUsage();
  await roles[role as keyof typeof roles](Number(numbers[0]), Number(numbers[1]));
  const { user, system } = process.cpuUsage(before);
  process.send?.({ cpuMs: (user + system) / 1000 }, () => process.disconnect());
} else {
  await compare(Number(role || 1024) * MIB, Number(numbers[0] ?? 5));
}

async function compare(bytes: number, rounds: number): Promise<void> {
  const names = ['direct', 'stream', 'tunnel', 'sealed'] as const;
  const lists = () => ({
    direct: [] as number[],
    stream: [] as number[],
    tunnel: [] as number[],
    sealed: [] as number[],
  });
  const rates = lists();
  const busiest = lists();
  for (let round = 0; round < rounds; round += 1) {
    for (const name of names) {
      running = [];
      rates[name].push(bytes / MIB / ((await ways[name](bytes)) / 1000));
      busiest[name].push(bytes / MIB / (Math.max(...(await Promise.all(running))) / 1000));
    }
  }
  const ratio = (values: number[], base: number[]) => (median(values) / median(base)).toFixed(2);
  for (const name of names) {
    const rate = median(rates[name]).toFixed(0).padStart(6);
    const cores = median(busiest[name]).toFixed(0).padStart(6);
    console.log(
      `${name} ${rate} MiB/s (${ratio(rates[name], rates.direct)} of direct), ` +
        `busiest ${cores} MiB/s (${ratio(busiest[name], busiest.direct)} of direct)`,
    );
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

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
