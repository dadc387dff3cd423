const TWO_28 = 2 ** 28;
const TWO_56 = 2 ** 56;
const WIRE = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/**
 * Reads the protobuf messages in criu's images, field by field and without an object for each of them. After `next`, `field` is its number and
 * either `low`, `middle` and `high` its value (28, 28 and 8 bits) or `start` and `stop` the place of its bytes.
 */
export class FieldReader {
  field = 0;
  isBytes = false;
  start = 0;
  stop = 0;
  private low = 0;
  private middle = 0;
  private high = 0;
  private at = 0;
  private end = 0;
  private readonly from: Uint8Array;
  private readonly failure: (problem: string) => Error;

  /** @param failure what is thrown when the bytes are not protobuf */
  constructor(from: Uint8Array, failure: (problem: string) => Error) {
    this.from = from;
    this.failure = failure;
  }

  /** Turns to the message between two places. */
  enter(start: number, end: number): void {
    this.at = start;
    this.end = end;
  }

  /** Goes to the next field that can matter to us; false at the end. @throws the reader's failure */
  next(): boolean {
    if (this.at >= this.end) return false;
    this.varint();
    const key = this.value;
    const type = key & 7;
    this.field = key >>> 3;
    this.isBytes = type === WIRE.bytes;
    if (type === WIRE.varint) {
      this.varint();
      return true;
    }
    if (this.isBytes) this.varint();
    const length = this.isBytes ? this.value : type === WIRE.fixed64 ? 8 : type === WIRE.fixed32 ? 4 : -1;
    if (length < 0) throw this.failure(`field ${this.field} has an unknown wire type`);
    if (this.at + length > this.end) throw this.failure('a field ends after the entry');
    this.start = this.at;
    this.at += length;
    this.stop = this.at;
    if (!this.isBytes) this.field = 0;
    return true;
  }

  /** The number of this field; exact below 2^53. */
  get value(): number {
    return this.high * TWO_56 + this.middle * TWO_28 + this.low;
  }

  /** The number of this field as an address: its page, exact. @throws the reader's failure unless it is aligned */
  get page(): number {
    if (this.low % 4096 !== 0) throw this.failure('an address that is not that of a page');
    return this.high * 2 ** 44 + this.middle * 2 ** 16 + this.low / 4096;
  }

  private varint(): void {
    this.low = this.seven(28);
    this.middle = this.more ? this.seven(28) : 0;
    this.high = this.more ? this.seven(8) : 0;
    if (this.more || this.high > 255) throw this.failure('a number is too large');
  }

  private more = false;

  /** Up to `bits` bits, seven at a time. */
  private seven(bits: number): number {
    let value = 0;
    for (let shift = 0; shift < bits; shift += 7) {
      if (this.at >= this.end) throw this.failure('a number ends after the entry');
      const byte = this.from[this.at] as number;
      this.at += 1;
      value |= (byte & 127) << shift;
      this.more = byte > 127;
      if (!this.more) break;
    }
    return value;
  }
}

/** Writes a varint below 2^53 and returns the place after it. */
export function writeVarint(into: Uint8Array, value: number, at: number): number {
  let rest = value;
  let place = at;
  while (rest > 127) {
    into[place++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  into[place] = rest;
  return place + 1;
}
