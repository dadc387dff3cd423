import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../effects/system-clock.ts';
import { createMeter } from './meter.ts';
import { relayConnect, relayListen } from './relay.ts';
import type { DataStream } from './stream.ts';
import { NEVER, openPair, openPorts, type Ports, readAll } from './testing.ts';

describe('relays', { timeout: 30_000 }, () => {
  let ports: Ports;
  let near: DataStream;
  let far: DataStream;
  let criu: Server;
  let served: Promise<Socket>;
  let criuPort: number;
  const sockets: Socket[] = [];
  const base = { meter: createMeter({ clock: systemClock }), signal: NEVER };

  beforeEach(async () => {
    ports = await openPorts();
    ({ near, far } = await openPair(ports, 'lazy'));
    criu = createServer({ allowHalfOpen: true });
    served = once(criu, 'connection').then(([socket]) => {
      sockets.push(socket);
      return socket.on('error', () => {});
    });
    criu.listen(0, '127.0.0.1');
    await once(criu, 'listening');
    criuPort = (criu.address() as AddressInfo).port;
  });

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    criu.close();
    await ports.close();
  });

  function dial(port: number): Socket {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    sockets.push(socket);
    return socket.on('error', () => {});
  }

  it('join two criu ends, each closing when it is done', async () => {
    const listen = await relayListen({ ...base, open: async () => near });
    const { done } = relayConnect({ ...base, port: criuPort, stream: far });
    const client = dial(listen.port);
    const pages = randomBytes(5_000_000);
    client.end(pages);
    const server = await served;
    expect((await readAll(server)).equals(pages)).toBe(true);
    server.end('status');
    expect((await readAll(client)).toString()).toBe('status');
    expect(await listen.done).toEqual({ sent: pages.length, received: 6 });
    expect(await done).toEqual({ sent: 6, received: pages.length });
  });

  it('answer small requests without delay', async () => {
    const listen = await relayListen({ ...base, open: async () => near });
    relayConnect({ ...base, port: criuPort, stream: far });
    const client = dial(listen.port).setNoDelay();
    const server = (await served).setNoDelay();
    server.on('data', () => server.write(Buffer.alloc(4096)));
    const startMs = performance.now();
    for (let request = 0; request < 100; request += 1) {
      client.write(Buffer.alloc(24));
      for (let got = 0; got < 4096; ) got += ((await once(client, 'data'))[0] as Buffer).length;
    }
    // Nagle's algorithm and delayed acks would cost 40 ms for each.
    expect(performance.now() - startMs).toBeLessThan(3500);
  });

  it('meter what goes from criu into the stream', async () => {
    const meter = createMeter({ clock: systemClock, limitBytesPerSecond: 1_000_000 });
    const listen = await relayListen({ ...base, meter, open: async () => near });
    const client = dial(listen.port);
    const startMs = performance.now();
    client.end(Buffer.alloc(600_000));
    far.end();
    expect((await readAll(far)).length).toBe(600_000);
    expect(performance.now() - startMs).toBeGreaterThan(250);
    expect(meter.bytes).toBe(600_000);
  });

  it('take one connection and no other', async () => {
    const listen = await relayListen({ ...base, open: async () => near });
    const first = dial(listen.port);
    await once(first, 'connect');
    first.write('x');
    await once(far, 'data');
    const second = dial(listen.port);
    const refused = await Promise.race([
      new Promise((resolve) => second.once('error', () => resolve(true))),
      new Promise((resolve) => second.once('data', () => resolve(false))),
    ]);
    expect(refused).toBe(true);
    expect(first.destroyed).toBe(false);
  });

  it('close the local connection when the stream breaks, or cannot be opened', async () => {
    const listen = await relayListen({ ...base, open: async () => near });
    const client = dial(listen.port).resume();
    client.write('request');
    await once(far, 'data');
    far.destroy(new Error('the source lost power'));
    await expect(listen.done).rejects.toThrow('the source lost power');
    if (!client.readableEnded) await once(client, 'end');

    const nowhere = await relayListen({ ...base, open: () => Promise.reject(new Error('no route')) });
    dial(nowhere.port);
    await expect(nowhere.done).rejects.toThrow('no route');
  });

  it('tell the peer when the local criu dies', async () => {
    const { done } = relayConnect({ ...base, port: criuPort, stream: far });
    const reading = readAll(near);
    near.write('request');
    const server = await served;
    await once(server, 'data');
    server.resetAndDestroy();
    await expect(reading).rejects.toMatchObject({ code: 'TRANSFER_FAILED' });
    await expect(done).rejects.toMatchObject({ code: 'TRANSFER_FAILED' });
  });

  it('say that no criu answers', async () => {
    criu.close();
    await once(criu, 'close');
    const reading = readAll(near);
    const { done } = relayConnect({ ...base, port: criuPort, stream: far });
    await expect(done).rejects.toThrow(`no criu answers on 127.0.0.1:${criuPort}`);
    await expect(reading).rejects.toThrow('no criu answers');
  });

  it('end at once when told to, before and after criu has come', async () => {
    const abort = new AbortController();
    const idle = await relayListen({ ...base, signal: abort.signal, open: async () => near });
    const busy = relayConnect({ ...base, signal: abort.signal, port: criuPort, stream: far });
    const server = await served;
    server.resume();
    const closed = new Promise((resolve) => server.once('end', resolve));
    abort.abort(new Error('enough'));
    await expect(idle.done).rejects.toThrow('enough');
    await expect(busy.done).rejects.toThrow('enough');
    await closed;
    expect(far.destroyed).toBe(true);
  });
});
