import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Inbox } from './inbox.ts';

describe('inbox', { timeout: 30_000 }, () => {
  it('gives back the same bytes in the same order, small and large chunks mixed with reads', () => {
    const step = fc.oneof(
      fc.integer({ min: 1, max: 10_000 }),
      fc.integer({ min: 1, max: 50 }),
      fc.constant(0),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const inbox = new Inbox(4_000_000);
        const put: Buffer[] = [];
        const got: Buffer[] = [];
        steps.forEach((size, index) => {
          if (size === 0) {
            const chunk = inbox.take();
            if (chunk) got.push(chunk);
          } else {
            const chunk = Buffer.alloc(size, index);
            put.push(chunk);
            inbox.add(chunk);
          }
        });
        for (let chunk = inbox.take(); chunk; chunk = inbox.take()) got.push(chunk);
        expect(Buffer.concat(got).equals(Buffer.concat(put))).toBe(true);
        expect(inbox.taken).toBe(put.reduce((sum, chunk) => sum + chunk.length, 0));
        expect(inbox.empty).toBe(true);
      }),
    );
  });

  it('knows what is beyond its window until an ack has gone out', () => {
    const inbox = new Inbox(1000);
    expect(inbox.fits(1000)).toBe(true);
    expect(inbox.fits(1001)).toBe(false);
    inbox.add(Buffer.alloc(800));
    expect(inbox.fits(201)).toBe(false);
    inbox.take();
    expect(inbox.ackDue).toBe(true);
    expect(inbox.fits(201)).toBe(false);
    inbox.acked();
    expect(inbox.ackDue).toBe(false);
    expect(inbox.fits(1000)).toBe(true);
  });

  it('costs few objects when a peer sends byte by byte', () => {
    const inbox = new Inbox(4_000_000);
    for (let sent = 0; sent < 100_000; sent += 1) inbox.add(Buffer.from([sent & 255]));
    let chunks = 0;
    for (let chunk = inbox.take(); chunk; chunk = inbox.take()) chunks += 1;
    expect(chunks).toBeLessThanOrEqual(8);
    expect(inbox.taken).toBe(100_000);
  });
});
