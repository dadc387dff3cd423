import { LIMITS, type RootfsPass } from '../../protocol/mod.ts';

/** A pass that takes no longer than this is good enough to be done once more while the container stands still. */
const SMALL_MS = 300;
/** A pass that saves less than this share of the one before is not worth another one. */
const GAIN = 0.8;

/**
 * Whether another pass is due before the container is stopped. The first looks at everything, and says little about what
 * the last one will cost: there are two at least, and those after the first are compared. Pure.
 */
export function anotherPass(passes: readonly RootfsPass[]): boolean {
  if (passes.length < 2) return true;
  if (passes.length >= LIMITS.rootfsPasses) return false;
  const [last, before] = [passes.at(-1), passes.at(-2)];
  if (!last || !before || last.durationMs <= SMALL_MS) return false;
  return passes.length === 2 || last.durationMs < GAIN * before.durationMs;
}
