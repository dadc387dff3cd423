import type { Socket } from 'node:net';
import { LIMITS } from '../../protocol/limits.ts';
import type { Clock } from '../effects/clock.ts';

/**
 * Closes a connection after a last word, and keeps reading it meanwhile: closing with unread data would make the
 * kernel send a reset, which can overtake the last word at the peer. After `streamLingerMs` it is closed anyway.
 */
export function farewell(socket: Socket, clock: Clock, lastWord?: Buffer): void {
  if (socket.destroyed) return;
  const cancel = clock.after(LIMITS.streamLingerMs, () => socket.destroy());
  socket.once('close', cancel);
  socket.on('error', () => {});
  socket.resume();
  if (lastWord === undefined) socket.end();
  else socket.end(lastWord);
  socket.once('end', () => socket.destroySoon());
}
