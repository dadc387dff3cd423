import { Socket } from 'node:net';

/** Node reads 64 KiB at a time, each into memory of its own. */
const SLAB_BYTES = 1024 * 1024;
/** A read with less room begins a new slab. */
const LEAST_BYTES = 256 * 1024;

/**
 * The same connection, read in large pieces: what is read costs half the CPU time (test/bench/README.md). It is paused; take no more
 * from `socket` itself, which ends with it. Chunks share their memory and are never written to again.
 *
 * Node offers this (`onread`) to sockets that connect, not to those that were accepted: so the connection's handle goes into
 * another socket, as node:net does it. A socket without such a handle, or an encrypted one, is returned as it is.
 */
export function withWideReads(socket: Socket): Socket {
  const owner = socket as Socket & { _handle: Handle | null };
  const handle = owner._handle;
  if (socket.destroyed || socket.readableEnded || 'encrypted' in socket) return socket;
  if (typeof handle?.useUserBuffer !== 'function') return socket;

  const early: Buffer | null = socket.read();
  const slab = openSlab();
  const wide: Socket = new Socket({
    handle,
    allowHalfOpen: socket.allowHalfOpen,
    pauseOnCreate: true,
    onread: {
      buffer: slab.room,
      callback: (bytes: number) => {
        wide.emit('data', slab.take(bytes));
        return !wide.isPaused();
      },
    },
  } as ConstructorParameters<typeof Socket>[0]);
  owner._handle = null;
  wide.on('error', () => {});
  // The server counts its connections by the socket it has given out.
  wide.once('close', () => socket.destroy());
  if (early !== null) wide.once('resume', () => wide.emit('data', early));
  return wide;
}

/** What node:net and libuv call a TCP connection; only what makes this one fit is named. */
interface Handle {
  readonly useUserBuffer?: (buffer: Uint8Array) => void;
}

/** Memory for one read after the other, each beside the one before. */
function openSlab() {
  let slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
  let used = 0;
  return {
    room: (): Buffer => {
      if (SLAB_BYTES - used < LEAST_BYTES) {
        slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
        used = 0;
      }
      return slab.subarray(used);
    },
    take: (bytes: number): Buffer => {
      used += bytes;
      return slab.subarray(used - bytes, used);
    },
  };
}
