import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { LIMITS } from '../../protocol/limits.ts';
import { FakeClock } from './fake-clock.ts';
import { FramedStream } from './framed-stream.ts';
import { encodeAck } from './frames.ts';
import { SharedLink } from './shared-link.ts';

const KIB = 1024;

it('does not take a peer for gone whom it does not read, for all moves together may receive no more', async () => {
  const clock = new FakeClock();
  const socket = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() });
  const stream = new FramedStream({
    id: { job: 'j', kind: 'pages', index: 0 },
    clock,
    connection: {
      socket: socket as Socket,
      ends: { source: 'a', target: 'b' },
      peer: { received: 0, window: LIMITS.streamWindowBytes },
      early: Buffer.alloc(0),
    },
    inbound: new SharedLink({ clock, limitBytesPerSecond: 16 * KIB }),
  });
  await setImmediate();
  // Twice what may come at once: the rest takes 16 s.
  const ack = encodeAck(0, LIMITS.streamWindowBytes);
  socket.push(Buffer.concat(Array<Buffer>(Math.floor((512 * KIB) / ack.length)).fill(ack)));
  await setImmediate();
  expect(socket.isPaused()).toBe(true);
  await clock.advance(3 * LIMITS.streamSilentMs);
  expect(socket.destroyed).toBe(false);
  await clock.advance(1.5 * LIMITS.streamSilentMs);
  expect(socket.isPaused()).toBe(false);
  expect(socket.destroyed).toBe(false);
  await clock.advance(LIMITS.streamSilentMs);
  expect(socket.destroyed).toBe(true);
  stream.destroy();
});
