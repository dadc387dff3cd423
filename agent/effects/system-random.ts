import { randomBytes } from 'node:crypto';
import type { Random } from './random.ts';

const ID_CHARS = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** The kernel's randomness. */
export const systemRandom: Random = {
  next: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
  id: () => Array.from(randomBytes(12), (byte) => ID_CHARS[byte % ID_CHARS.length]).join(''),
  token: () => randomBytes(32).toString('hex'),
};
