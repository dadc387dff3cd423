import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GodwitError } from '../../../protocol/errors.ts';
import { type Header, readHeader, type WireFormat, writeHeader } from './wire.ts';

const headers = (wire: WireFormat): fc.Arbitrary<Header> =>
  fc.record({
    command: fc.integer({ min: 0, max: 0xffff }),
    flags: fc.integer({ min: 0, max: 0xffff }),
    pages: fc.integer({ min: 0, max: wire === 24 ? 2 ** 32 - 1 : 2 ** 50 }),
    page: fc.integer({ min: 0, max: 2 ** 51 }),
    id: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  });

describe('headers', () => {
  it.each([24, 32] as const)('of %i bytes are read as they were written', (wire) => {
    fc.assert(
      fc.property(headers(wire), (header) => {
        const bytes = Buffer.alloc(wire, 0xff);
        writeHeader(bytes, wire, header);
        expect(readHeader(bytes, wire)).toEqual(header);
      }),
    );
  });

  it('are those of criu', () => {
    const header = { command: 6, flags: 4, pages: 2, page: 0x7fff_12345, id: 1001 };
    const bytes = Buffer.alloc(32);
    writeHeader(bytes, 24, header);
    expect(bytes.toString('hex', 0, 24)).toBe(
      '06000400' + '02000000' + '00503412ff7f0000' + 'e903000000000000',
    );
    writeHeader(bytes, 32, header);
    expect(bytes.toString('hex', 8, 16)).toBe('0200000000000000');
  });

  it.each([24, 32] as const)('of %i bytes of any content are read or refused', (wire) => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: wire, maxLength: wire }), (bytes) => {
        try {
          const { pages, page, id } = readHeader(Buffer.from(bytes), wire);
          expect([pages, page, id].every(Number.isSafeInteger)).toBe(true);
        } catch (error) {
          expect((error as GodwitError).code).toBe('TRANSFER_FAILED');
        }
      }),
    );
  });
});
