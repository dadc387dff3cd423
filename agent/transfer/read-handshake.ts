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
  options: ReadHandshakeOptions,
): Promise<{ readonly body: Buffer; readonly rest: Buffer }> {
  return readUntil(socket, options, (bytes) => splitHandshake(bytes, direction));
}

/** The first byte of a connection, which stays to be read. @throws HandshakeError */
export async function firstByte(socket: Socket, options: ReadHandshakeOptions): Promise<number> {
  const bytes = await readUntil(socket, options, (all) => all);
  socket.unshift(bytes);
  return bytes[0] as number;
}

function readUntil<T>(
  socket: Socket,
  { clock, withinMs, signal }: ReadHandshakeOptions,
  find: (bytes: Buffer) => T | undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    let bytes: Buffer = Buffer.alloc(0);
    const cancel = clock.after(withinMs, () =>
      fail(new HandshakeError(`no handshake within ${withinMs} ms`)),
    );
    const onData = (chunk: Buffer): void => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      try {
        const found = find(bytes);
        if (found === undefined) return;
        stop();
        socket.pause();
        resolve(found);
      } catch (error) {
        fail(error);
      }
    };
    const onClose = (): void => fail(new HandshakeError('closed before the handshake'));
    const onError = (error: Error): void => fail(new HandshakeError(error.message, { cause: error }));
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
    else socket.resume();
  });
}
