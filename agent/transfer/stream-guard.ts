import { asTransferFailure, transferFailed } from './failure.ts';
import type { DataStream } from './stream.ts';

/** Watches a stream while it is being worked on. */
export interface StreamGuard {
  /** Aborts when the stream breaks (with its error) or the caller's signal does (with its reason). */
  readonly signal: AbortSignal;
  /** `promise`, or a rejection as soon as the signal aborts. */
  race<T>(promise: Promise<T>): Promise<T>;
  /** Stops watching. */
  release(): void;
}

/** Joins a stream's end of life with the caller's signal; an abort of the latter destroys the stream at once. */
export function guardStream(stream: DataStream, outer: AbortSignal): StreamGuard {
  const controller = new AbortController();
  const { signal } = controller;
  const onError = (error: Error): void => controller.abort(error);
  const onClose = (): void => {
    if (stream.readableEnded && stream.writableFinished) return;
    controller.abort(transferFailed('the stream was closed', stream.ends));
  };
  const onAbort = (): void => {
    controller.abort(outer.reason);
    stream.destroy(asTransferFailure(outer.reason, 'cancelled', stream));
  };
  const broken = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  broken.catch(() => {});
  stream.on('error', onError).on('close', onClose);
  outer.addEventListener('abort', onAbort, { once: true });
  if (outer.aborted) onAbort();
  else if (stream.destroyed)
    controller.abort(stream.errored ?? transferFailed('the stream was closed', stream.ends));
  return {
    signal,
    race: (promise) => Promise.race([promise, broken]),
    release: () => {
      stream.off('error', onError).off('close', onClose);
      outer.removeEventListener('abort', onAbort);
    },
  };
}
