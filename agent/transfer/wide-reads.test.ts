import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withWideReads } from './wide-reads.ts';

let server: Server;
let near: Socket;
let accepted: Socket;

beforeEach(async () => {
  server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  near = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  [accepted] = await once(server, 'connection');
});
afterEach(() => {
  near.destroy();
  accepted.destroy();
  server.close();
});

async function all(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk)).resume();
  await once(socket, 'end');
  return Buffer.concat(chunks);
}

describe('wide reads', () => {
  it('bring every byte, in pieces that stay as they are, larger than Node alone would', async () => {
    const wide = withWideReads(accepted);
    expect(wide).not.toBe(accepted);
    const sent = randomBytes(20_000_000);
    const sizes: number[] = [];
    wide.on('data', ({ length }) => sizes.push(length));
    const read = all(wide);
    near.end(sent);
    expect((await read).equals(sent)).toBe(true);
    expect(Math.max(...sizes)).toBeGreaterThan(64 * 1024);
  });

  it('begin with what the socket had read by then', async () => {
    near.write('first, ');
    accepted.resume();
    const [first] = await once(accepted, 'data');
    accepted.pause();
    accepted.unshift(first);
    near.end('then');
    expect((await all(withWideReads(accepted))).toString()).toBe('first, then');
  });

  it('stop while it is paused', async () => {
    const wide = withWideReads(accepted);
    let bytes = 0;
    wide.on('data', (chunk) => {
      bytes += chunk.length;
      const soFar = bytes;
      wide.pause();
      setImmediate(() => {
        expect(bytes).toBe(soFar);
        wide.resume();
      });
    });
    wide.resume();
    near.end(Buffer.alloc(3_000_000));
    await once(wide, 'end');
    expect(bytes).toBe(3_000_000);
  });

  it('write to the same connection, and let the server close with it', async () => {
    const wide = withWideReads(accepted);
    const read = all(near);
    const heard = all(wide);
    near.end('question');
    wide.end('answer');
    expect((await heard).toString()).toBe('question');
    expect((await read).toString()).toBe('answer');
    server.close();
    await once(server, 'close');
  });

  it('tell when the connection breaks', async () => {
    const wide = withWideReads(accepted);
    const problem = once(wide.resume(), 'error');
    near.resetAndDestroy();
    expect((await problem)[0]).toMatchObject({ code: 'ECONNRESET' });
    await expect.poll(() => accepted.destroyed).toBe(true);
  });

  it('are not for a connection that is gone', async () => {
    accepted.destroy();
    expect(withWideReads(accepted)).toBe(accepted);
  });
});
