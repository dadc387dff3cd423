/** What a key must hold: the same bytes for the same seed, index and version, different ones otherwise. */
export function contentOf(seed: number, index: number, version: number, bytes: number): Buffer {
  const value = Buffer.allocUnsafe(bytes);
  let state = mix(seed, index, version);
  let offset = 0;
  for (; offset + 4 <= bytes; offset += 4) {
    state = next(state);
    value.writeInt32LE(state, offset);
  }
  for (; offset < bytes; offset++) value[offset] = offset & 0xff;
  return value;
}

/** Name of a key. */
export function keyOf(index: number): string {
  return `check:${index}`;
}

function mix(...numbers: readonly number[]): number {
  let state = 0x9e3779b9;
  for (const number of numbers) {
    state = Math.imul(state ^ number, 0x85ebca6b);
    state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
    state ^= state >>> 16;
  }
  return state | 1;
}

/** xorshift32: never zero for a start that is not. */
function next(state: number): number {
  let value = state;
  value ^= value << 13;
  value ^= value >>> 17;
  value ^= value << 5;
  return value;
}
