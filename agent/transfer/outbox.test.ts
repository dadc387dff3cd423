import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../protocol/limits.ts';
import { Outbox, type Piece } from './outbox.ts';

function filled(bytes: number, window = 0xffffffff): Outbox {
  const box = new Outbox();
  box.open(window);
  box.put([Buffer.alloc(bytes)]);
  return box;
}

function sendAll(box: Outbox): number {
  let sent = 0;
  for (let piece = box.next(); piece !== undefined; piece = box.next()) sent += piece.size;
  return sent;
}

const bytesOf = (pieces: readonly Piece[]): Buffer => Buffer.concat(pieces.flatMap(({ chunks }) => chunks));

describe('outbox', () => {
  it('sends what the window allows, and is done when the end is acknowledged', () => {
    const box = filled(200, 100);
    expect(sendAll(box)).toBe(100);
    expect(box.empty).toBe(false);
    box.ack(60, 100);
    expect(sendAll(box)).toBe(60);
    box.ack(160, 100);
    expect(sendAll(box)).toBe(40);
    box.end();
    box.ack(200, 100);
    expect(box.done).toBe(false);
    box.ack(201, 100);
    expect(box.done).toBe(true);
    expect(box.kept).toBe(0);
  });

  it('takes nothing back when a peer shrinks its window', () => {
    const box = filled(200, 100);
    sendAll(box);
    box.ack(10, 5);
    expect(sendAll(box)).toBe(0);
    box.ack(50, 60);
    expect(sendAll(box)).toBe(10);
  });

  it('never keeps more than this node wants to', () => {
    const box = filled(3 * LIMITS.streamWindowBytes);
    expect(sendAll(box)).toBe(LIMITS.streamWindowBytes);
    expect(box.kept).toBe(LIMITS.streamWindowBytes);
    box.ack(5, 0xffffffff);
    expect(sendAll(box)).toBe(5);
    expect(box.kept).toBe(LIMITS.streamWindowBytes);
  });

  it('refuses acks and resumptions that cannot be', () => {
    const box = filled(10);
    sendAll(box);
    expect(() => box.ack(11, 100)).toThrow('an ack of 11 where 0 to 10 can be');
    box.ack(8, 100);
    expect(() => box.ack(7, 100)).toThrow('an ack of 7');
    expect(() => box.again(7)).toThrow('a resumption at 7 where 8 to 10 can be');
    expect(() => box.again(11)).toThrow('a resumption at 11');
    box.end();
    expect(box.again(11)).toEqual([]);
  });

  it('sends again exactly what did not arrive, whatever the sizes of chunks and acks', () => {
    const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 20_000 })), {
      minLength: 1,
      maxLength: 60,
    });
    fc.assert(
      fc.property(
        sizes,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 }),
        (put, places) => {
          const box = new Outbox();
          box.open(LIMITS.streamWindowBytes);
          const chunks = put.map((size, index) => Buffer.alloc(size, index + 1));
          const whole = Buffer.concat(chunks);
          for (const chunk of chunks) {
            box.put([chunk]);
            sendAll(box);
          }
          let acked = 0;
          for (const place of places) {
            const received = acked + Math.floor(place * (whole.length - acked));
            const again = box.again(received);
            expect(bytesOf(again).equals(whole.subarray(received))).toBe(true);
            expect(again[0]?.offset ?? received).toBe(received);
            acked += Math.floor(place * (received - acked));
            box.ack(acked, LIMITS.streamWindowBytes);
            expect(box.kept).toBe(whole.length - acked);
          }
        },
      ),
    );
  });

  it('keeps tiny writes in few objects', () => {
    const box = new Outbox();
    box.open(LIMITS.streamWindowBytes);
    for (let sent = 0; sent < 100_000; sent += 1) {
      box.put([Buffer.from([sent & 255])]);
      sendAll(box);
    }
    const again = box.again(0);
    expect(again.flatMap(({ chunks }) => chunks).length).toBeLessThanOrEqual(8);
    expect(bytesOf(again).every((byte, at) => byte === (at & 255))).toBe(true);
  });
});
