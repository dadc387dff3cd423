import { Readable } from 'node:stream';
import { afterEach, expect, it } from 'vitest';
import { systemClock } from '../../agent/effects/system-clock.ts';
import { createMeter, openDataPort, SharedLink } from '../../agent/transfer/mod.ts';
import { pump } from '../../agent/transfer/pump.ts';
import type { DataPort } from '../../agent/transfer/stream.ts';
import { NEVER, silentLog, TOKEN } from '../../agent/transfer/testing.ts';

const MIB = 1024 * 1024;
/** Slow enough that every stream always has something to send, on a busy machine too. */
const RATE = 8 * MIB;
/** What is measured together, and by how much shares may differ: pieces that just pass. */
const TOTAL = 24 * MIB;
const CLOSE = 2 * MIB;

const ports: DataPort[] = [];
afterEach(async () => {
  for (const port of ports.splice(0)) await port.close();
});

async function openPort(receiveBytesPerSecond?: number): Promise<DataPort> {
  const port = await openDataPort({
    host: '127.0.0.1',
    port: 0,
    clock: systemClock,
    log: silentLog,
    receiveBytesPerSecond,
  });
  ports.push(port);
  return port;
}

/** Never ends, in pieces of this size. */
function endless(size: number): Readable {
  return new Readable({
    highWaterMark: size,
    read() {
      this.push(Buffer.allocUnsafe(size));
    },
  });
}

/** A move's stream that always has something to send. */
async function stream(
  source: DataPort,
  target: DataPort,
  job: string,
  size: number,
  link: SharedLink,
  own?: number,
) {
  target.permit(job, TOKEN);
  const id = { job, kind: 'pages', index: 0 } as const;
  const near = await source.open({ host: '127.0.0.1', port: target.port, token: TOKEN }, id, NEVER);
  const far = await target.accept(id, NEVER);
  far.resume();
  const meter = createMeter({ clock: systemClock, limitBytesPerSecond: own, share: { link, job } });
  pump(endless(size), near, { meter, signal: NEVER }).catch(() => {});
  return { meter, sent: { bytes: () => meter.bytes }, arrived: { bytes: () => far.bytesReceived } };
}

type Counted = { readonly bytes: () => number };

/** What each got while all together got {@link TOTAL}. */
async function shares(streams: readonly Counted[]): Promise<number[]> {
  const before = streams.map(({ bytes }) => bytes());
  const got = () => streams.map(({ bytes }, index) => bytes() - (before[index] ?? 0));
  await expect
    .poll(() => got().reduce((sum, one) => sum + one, 0), { timeout: 60_000, interval: 5 })
    .toBeGreaterThan(TOTAL);
  return got();
}

function expectClose(found: readonly number[], expected: readonly number[]): void {
  const total = found.reduce((sum, one) => sum + one, 0);
  for (const [index, share] of expected.entries())
    expect(Math.abs((found[index] ?? 0) - share * total)).toBeLessThan(CLOSE);
}

it('a node shares what it sends among its moves, and again when one is limited or ends', async () => {
  const link = new SharedLink({ clock: systemClock, limitBytesPerSecond: RATE });
  const [source, n2, n3] = [await openPort(), await openPort(), await openPort()];
  const a = await stream(source, n2, 'a', 256 * 1024, link);
  const b = await stream(source, n3, 'b', 16 * 1024, link);
  const c = await stream(source, n3, 'c', 64 * 1024, link);
  expectClose(await shares([a.sent, b.sent, c.sent]), [1 / 3, 1 / 3, 1 / 3]);
  a.meter.setLimit(RATE / 8);
  expectClose(await shares([a.sent, b.sent, c.sent]), [1 / 8, 7 / 16, 7 / 16]);
  n3.forbid('c', 'its move is over');
  source.forbid('c', 'its move is over');
  a.meter.setLimit(undefined);
  expectClose(await shares([a.sent, b.sent]), [1 / 2, 1 / 2]);
}, 180_000);

it('a node shares what it receives among the moves of several sources', async () => {
  const unlimited = new SharedLink({ clock: systemClock });
  const [n1, n2, target] = [await openPort(), await openPort(), await openPort(RATE)];
  const a = await stream(n1, target, 'a', 256 * 1024, unlimited);
  const b = await stream(n1, target, 'b', 64 * 1024, unlimited);
  const c = await stream(n2, target, 'c', 16 * 1024, unlimited);
  const beganMs = performance.now();
  expectClose(await shares([a.arrived, b.arrived, c.arrived]), [1 / 3, 1 / 3, 1 / 3]);
  // It is a limit: so many bytes cannot come in less time.
  expect(performance.now() - beganMs).toBeGreaterThan((TOTAL / 2 / RATE) * 1000);
}, 120_000);
