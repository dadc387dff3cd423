import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../../protocol/limits.ts';
import { FrameParser, type FrameSink } from './frame-parser.ts';
import { encodeAck, encodeError, encodeHeader, FRAME, ProtocolViolation } from './frames.ts';

type Seen = { data: Buffer[]; acks: [number, number][]; words: string[] };

function parser(): { readonly parser: FrameParser; readonly seen: Seen; readonly sink: FrameSink } {
  const seen: Seen = { data: [], acks: [], words: [] };
  const sink: FrameSink = {
    data: (chunk) => seen.data.push(chunk),
    ack: (offset, window) => seen.acks.push([offset, window]),
    end: () => seen.words.push('end'),
    error: (text) => seen.words.push(`error ${text}`),
    reset: () => seen.words.push('reset'),
    done: () => seen.words.push('done'),
  };
  return { parser: new FrameParser(sink), seen, sink };
}

/** Cuts `bytes` at the given fractions. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [0, ...places.map((place) => Math.floor(place * bytes.length)), bytes.length].sort(
    (a, b) => a - b,
  );
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

const places = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 });

describe('frames', { timeout: 30_000 }, () => {
  it('come out as they went in, however the connection cuts them', () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 500 }), { maxLength: 20 }),
        places,
        (payloads, where) => {
          const wire: Buffer[] = [];
          let offset = 0;
          for (const payload of payloads) {
            wire.push(encodeHeader(FRAME.data, payload.length, offset), Buffer.from(payload));
            offset += payload.length;
            wire.push(encodeAck(offset * 7, 42));
          }
          wire.push(encodeHeader(FRAME.end, 0, offset), encodeAck(9, 8));
          const { parser: frames, seen } = parser();
          for (const piece of cut(Buffer.concat(wire), where)) frames.push(piece);
          expect(Buffer.concat(seen.data).equals(Buffer.concat(payloads))).toBe(true);
          expect(seen.acks).toHaveLength(payloads.length + 1);
          expect(seen.acks.at(-1)).toEqual([9, 8]);
          expect(seen.words).toEqual(['end']);
        },
      ),
    );
  });

  it('keeps offsets beyond 32 bits exact', () => {
    const { parser: frames, seen } = parser();
    frames.push(encodeAck(2 ** 40 + 12345, 1));
    expect(seen.acks).toEqual([[2 ** 40 + 12345, 1]]);
  });

  it('carries the text of an error, cut to the limit', () => {
    const { parser: frames, seen } = parser();
    frames.push(encodeError('ü'.repeat(5000), 0));
    expect(seen.words[0]).toBe(`error ${'ü'.repeat(LIMITS.streamErrorBytes / 2)}`);
  });

  it.each([
    ['an unknown type', encodeHeader(9 as 1, 1, 0), 'unknown frame type'],
    ['a huge length', encodeHeader(FRAME.data, 0xffffffff, 0), 'with 4294967295 bytes'],
    ['an empty data frame', encodeHeader(FRAME.data, 0, 0), 'with 0 bytes'],
    ['a gap', encodeHeader(FRAME.data, 1, 5), 'offset 5 where 0 was due'],
    ['flags', Buffer.from([1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]), 'unknown flags'],
    ['an offset beyond 2^53', Buffer.from([2, 0, 0, 0, 0, 0, 0, 4, 255, 0, 0, 0, 0, 0, 0, 0]), 'beyond 2^53'],
    [
      'data after the end',
      Buffer.concat([encodeHeader(FRAME.end, 0, 0), encodeHeader(FRAME.data, 1, 0)]),
      'after the end',
    ],
    [
      'an ack after the last word',
      Buffer.concat([encodeHeader(FRAME.reset, 0, 0), encodeAck(0, 1)]),
      'after the last word',
    ],
  ])('refuse %s', (_what, bytes, why) => {
    expect(() => parser().parser.push(bytes)).toThrow(why);
  });

  it('go on where an earlier connection broke', () => {
    const { sink, seen } = parser();
    const late = new FrameParser(sink, { offset: 7, ended: false });
    late.push(
      Buffer.concat([encodeHeader(FRAME.data, 1, 7), Buffer.from('x'), encodeHeader(FRAME.end, 0, 8)]),
    );
    expect(() =>
      new FrameParser(sink, { offset: 7, ended: false }).push(encodeHeader(FRAME.end, 0, 0)),
    ).toThrow('offset 0 where 7 was due');
    const ended = new FrameParser(sink, { offset: 8, ended: true });
    ended.push(encodeAck(3, 4));
    ended.push(encodeError('late', 8));
    expect(seen.words).toEqual(['end', 'error late']);
    expect(() =>
      new FrameParser(sink, { offset: 8, ended: true }).push(encodeHeader(FRAME.end, 0, 8)),
    ).toThrow('after the end');
  });

  it('never fail on garbage but by saying that it is garbage', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), places, (bytes, where) => {
        const { parser: frames } = parser();
        try {
          for (const piece of cut(Buffer.from(bytes), where)) frames.push(piece);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolViolation);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
