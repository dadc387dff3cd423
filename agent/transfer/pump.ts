import type { Readable, Writable } from 'node:stream';
import type { Meter } from './stream.ts';
import { PIECE_BYTES } from './token-bucket.ts';

/**
 * Moves every byte from one end to another with back-pressure and passes the end on. Resolves when `to` has finished,
 * rejects with the first error of either end or of the signal. Destroys nothing.
 */
export function pump(
  from: Readable,
  to: Writable,
  options: { readonly meter?: Meter; readonly signal: AbortSignal; readonly onEnd?: () => void },
): Promise<void> {
  const { meter, signal, onEnd = () => to.end() } = options;
  return new Promise((resolve, reject) => {
    let held = 0;
    let metering = false;
    let ended = false;
    const hold = (): void => {
      held += 1;
      from.pause();
    };
    const release = (): void => {
      held -= 1;
      if (held === 0 && !from.destroyed) from.resume();
    };
    const write = (chunk: Buffer): void => {
      if (to.write(chunk)) return;
      hold();
      to.once('drain', release);
    };
    const onData = (chunk: Buffer): void => {
      if (meter === undefined || meter.tryPass(chunk.length)) {
        write(chunk);
        return;
      }
      hold();
      metering = true;
      writeAsLimited(chunk, meter).then(() => {
        metering = false;
        if (ended) onEnd();
        else release();
      }, fail);
    };
    // What a timer is late is lost once for each piece that is larger than the limit's bucket.
    const writeAsLimited = async (chunk: Buffer, limited: Meter): Promise<void> => {
      for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
        const piece = chunk.subarray(at, at + PIECE_BYTES);
        await limited.pass(piece.length, signal);
        write(piece);
      }
    };
    // A paused stream with nothing buffered still ends: the end must not overtake the chunk that waits for the meter.
    const onFromEnd = (): void => {
      ended = true;
      if (!metering) onEnd();
    };
    const onClose = (): void => fail(new Error('closed before the end'));
    const onFromClose = (): void => {
      if (!from.readableEnded) onClose();
    };
    const onAbort = (): void => fail(signal.reason);
    const stop = (): void => {
      from.off('data', onData).off('end', onFromEnd).off('error', fail).off('close', onFromClose);
      to.off('error', fail).off('close', onClose).off('finish', done).off('drain', release);
      signal.removeEventListener('abort', onAbort);
    };
    const done = (): void => {
      stop();
      resolve();
    };
    function fail(error: unknown): void {
      stop();
      from.pause();
      reject(error);
    }
    from.on('data', onData).on('end', onFromEnd).on('error', fail).on('close', onFromClose);
    to.on('error', fail).on('close', onClose).on('finish', done);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    else from.resume();
  });
}
