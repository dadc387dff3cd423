import type { Socket } from 'node:net';
import type { Clock } from '../effects/clock.ts';
import { type Direction, HandshakeError, splitHandshake } from './handshake.ts';

export interface ReadHandshakeOptions {
  readonly clock: Clock;
  readonly withinMs: number;
  readonly signal?: AbortSignal;
}

/**
 * Reads the peer's handshake, bounded in size and in time, and leaves the socket paused. `rest` is what came after it.
 * Whatever goes wrong (garbage, too slow, closed, aborted) rejects; the caller destroys the socket.
 * @throws HandshakeError; the signal's reason
 */
export function readHandshake(
  socket: Socket,
  direction: Direction,
  { clock, withinMs, signal }: ReadHandshakeOptions,
): Promise<{ readonly body: Buffer; readonly rest: Buffer }> {
  return new Promise((resolve, reject) => {
    let bytes: Buffer = Buffer.alloc(0);
    const cancel = clock.after(withinMs, () =>
      fail(new HandshakeError(`no handshake within ${withinMs} ms`)),
    );
    const onData = (chunk: Buffer): void => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      try {
        const found = splitHandshake(bytes, direction);
        if (found === undefined) return;
        stop();
        socket.pause();
        resolve(found);
      } catch (error) {
        fail(error);
      }
    };
    const onClose = (): void => fail(new HandshakeError('closed before the handshake'));
    const onError = (error: Error): void => fail(new HandshakeError(error.message));
    const onAbort = (): void => fail(signal?.reason);
    const stop = (): void => {
      cancel();
      socket.off('data', onData).off('close', onClose).off('end', onClose).off('error', onError);
      signal?.removeEventListener('abort', onAbort);
    };
    const fail = (error: unknown): void => {
      stop();
      reject(error);
    };
    socket.on('data', onData).on('close', onClose).on('end', onClose).on('error', onError);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
  });
}
