import type { Clock } from '../../effects/clock.ts';
import type { JobTracker } from '../../jobs/tracker.ts';
import type { MovingCopy } from './words.ts';

const PERIOD_MS = 200;

/** Tells how far a move is, again and again until the returned function is called. @param expectedBytes what it may come to */
export function showProgress(
  clock: Clock,
  tracker: JobTracker,
  meters: MovingCopy['meters'],
  expectedBytes: () => number,
): () => void {
  let cancel: () => void = () => {};
  const show = () => {
    const all = Object.values(meters);
    const bytes = all.reduce((sum, meter) => sum + meter.bytes, 0);
    tracker.progress({
      bytes,
      rateBytesPerSecond: all.reduce((sum, meter) => sum + meter.rateBytesPerSecond, 0),
      totalBytes: Math.max(expectedBytes(), bytes),
    });
    cancel = clock.after(PERIOD_MS, show);
  };
  show();
  return () => cancel();
}
