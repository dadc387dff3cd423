/** What one direction of a simulated stream carries: every byte says where it belongs. */
const PERIOD = 99_991;

export class Content {
  private readonly base: Buffer;

  /** `most`: the largest piece that is ever asked for. */
  constructor(seed: number, most: number) {
    this.base = Buffer.alloc(PERIOD + most);
    let state = seed;
    for (let at = 0; at < PERIOD; at += 1) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      this.base[at] = state >>> 16;
    }
    for (let at = PERIOD; at < this.base.length; at += 1) this.base[at] = this.base[at - PERIOD] as number;
  }

  piece(offset: number, size: number): Buffer {
    return this.base.subarray(offset % PERIOD, (offset % PERIOD) + size);
  }

  isAt(offset: number, bytes: Buffer): boolean {
    return bytes.equals(this.piece(offset, bytes.length));
  }
}
