import { connect, type Socket } from 'node:net';
import { GodwitError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { Clock } from '../effects/clock.ts';
import { problemOf, transferFailed } from './failure.ts';
import { FramedStream } from './framed-stream.ts';
import { DIRECTION, encodeHandshake, parseAnswer, streamKey } from './handshake.ts';
import { readHandshake } from './read-handshake.ts';
import type { StreamId } from './stream.ts';

export interface OpenStreamOptions {
  readonly peer: { readonly host: string; readonly port: number; readonly token: string };
  readonly id: StreamId;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Connects to a peer's data port and opens one stream there. @throws GodwitError TRANSFER_FAILED; the signal's reason */
export async function openStream({ peer, id, clock, signal }: OpenStreamOptions): Promise<FramedStream> {
  signal.throwIfAborted();
  const socket = connect({ host: peer.host, port: peer.port, noDelay: true, keepAlive: true });
  socket.on('error', () => {});
  const target = `${peer.host}:${peer.port}`;
  try {
    const { job, kind, index } = id;
    const hello = { job, kind, index, token: peer.token, window: LIMITS.streamWindowBytes };
    socket.write(encodeHandshake(DIRECTION.hello, hello));
    const { body, rest } = await readHandshake(socket, DIRECTION.answer, clock, signal);
    const answer = parseAnswer(body);
    const ends = { source: localName(socket), target };
    if (!answer.ok) throw transferFailed(answer.problem, ends);
    return new FramedStream({ id, ends, socket, clock, peerWindow: answer.window, early: rest });
  } catch (error) {
    const source = localName(socket);
    socket.destroy();
    if (signal.aborted) throw signal.reason;
    if (error instanceof GodwitError) throw error;
    throw transferFailed(
      `cannot open stream ${streamKey(id)}: ${problemOf(error)}`,
      { source, target },
      error,
    );
  }
}

function localName(socket: Socket): string {
  return socket.localAddress === undefined ? 'this node' : `${socket.localAddress}:${socket.localPort}`;
}
