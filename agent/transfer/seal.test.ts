import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../effects/system-clock.ts';
import { openDataPort } from './data-port.ts';
import type { DataPort, StreamId } from './stream.ts';
import { NEVER, readAll, silentLog, TOKEN } from './testing.ts';

const id: StreamId = { job: 'j', kind: 'pages', index: 0 };

describe('an encrypted data port', { timeout: 30_000 }, () => {
  const ports: DataPort[] = [];
  const servers: Server[] = [];

  afterEach(async () => {
    await Promise.all(ports.splice(0).map((port) => port.close()));
    for (const server of servers.splice(0)) server.close();
  });

  async function open(encrypt: boolean): Promise<DataPort> {
    const port = await openDataPort({
      host: '127.0.0.1',
      port: 0,
      clock: systemClock,
      log: silentLog,
      encrypt,
    });
    ports.push(port);
    return port;
  }

  async function listen(server: Server): Promise<number> {
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  /** Lets everything through, and sees it. */
  async function tap(
    port: number,
  ): Promise<{ readonly port: number; readonly seen: () => Buffer; cut(): void }> {
    const chunks: Buffer[] = [];
    const sockets: Socket[] = [];
    const server = createServer((client) => {
      const there = connect({ port, host: '127.0.0.1' });
      for (const [from, to] of [
        [client, there],
        [there, client],
      ] as const) {
        sockets.push(from);
        from.on('data', (bytes: Buffer) => chunks.push(bytes)).on('error', () => {});
        from.pipe(to);
      }
    });
    const cut = () => {
      for (const socket of sockets.splice(0)) socket.resetAndDestroy();
    };
    return { port: await listen(server), seen: () => Buffer.concat(chunks), cut };
  }

  const peer = (port: number, token = TOKEN) => ({ host: '127.0.0.1', port, token });

  it('carries bytes that nobody on the way can read, over several connections', async () => {
    const [source, target] = [await open(true), await open(true)];
    target.permit(id.job, TOKEN);
    const { port, seen, cut } = await tap(target.port);
    const near = await source.open(peer(port), id, NEVER);
    const far = await target.accept(id, NEVER);
    const secret = Buffer.from('the quick brown fox jumps over the lazy dog');
    near.write(secret);
    await once(far, 'readable');
    cut();
    const pages = Buffer.concat([randomBytes(3_000_000), secret]);
    near.end(pages);
    far.end(secret);
    expect((await readAll(far)).equals(Buffer.concat([secret, pages]))).toBe(true);
    expect((await readAll(near)).equals(secret)).toBe(true);
    expect(target.counters).toMatchObject({ streamsAccepted: 1, streamsResumed: 1 });
    expect(seen().length).toBeGreaterThan(3_000_000);
    for (const word of [secret, Buffer.from(TOKEN), Buffer.from('GDWT')])
      expect(seen().includes(word)).toBe(false);
  });

  it('refuses a wrong token and an unknown job at once, in the same words', async () => {
    const [source, target] = [await open(true), await open(true)];
    target.permit(id.job, TOKEN);
    const problem = 'the job or its token is not known there';
    await expect(source.open(peer(target.port, 'wrong'), id, NEVER)).rejects.toThrow(problem);
    await expect(source.open(peer(target.port), { ...id, job: 'other' }, NEVER)).rejects.toThrow(problem);
    expect(target.counters).toMatchObject({ streamsAccepted: 0, handshakesRefused: 2 });
  });

  it('refuses what is not encrypted and says so', async () => {
    const [source, target] = [await open(false), await open(true)];
    target.permit(id.job, TOKEN);
    await expect(source.open(peer(target.port), id, NEVER)).rejects.toThrow('encrypted connections only');
  });

  it('takes encrypted connections also where they are not asked for', async () => {
    const [source, target] = [await open(true), await open(false)];
    target.permit(id.job, TOKEN);
    const near = await source.open(peer(target.port), id, NEVER);
    near.end('sealed');
    const far = await target.accept(id, NEVER);
    far.end();
    expect(String(await readAll(far))).toBe('sealed');
  });

  it('does not speak to somebody who has a certificate instead of the key', async () => {
    const source = await open(true);
    const heard: Buffer[] = [];
    const impostor = createTlsServer(CERTIFICATE, (socket) => {
      socket.on('data', (bytes: Buffer) => heard.push(bytes)).on('error', () => {});
    });
    impostor.on('tlsClientError', () => {});
    const port = await listen(impostor);
    await expect(source.open(peer(port), id, AbortSignal.timeout(2_000))).rejects.toThrow();
    expect(Buffer.concat(heard).length).toBe(0);
  });

  it('drops garbage that looks encrypted', async () => {
    const target = await open(true);
    const socket = connect({ port: target.port, host: '127.0.0.1' }).on('error', () => {});
    socket.resume().write(Buffer.concat([Buffer.from([22, 3, 1]), randomBytes(500)]));
    await once(socket, 'close');
    await expect.poll(() => target.counters.handshakesRefused).toBe(1);
  });
});

/** Made for this test, and good for nothing else. */
const CERTIFICATE = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgHEOvjY3MFt19p/LB
6NbjNKNAQZPOSMR6tYhPt4mQIx6hRANCAAQ8Y9+Zfk92BWNEHC4fHYN23eVk/Y+h
2xl82mDHfw/H7P03v6lADRdr+Y9ZgkGPVPbDFeAXZOOgaGDuJUMti5dZ
-----END PRIVATE KEY-----`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBfTCCASOgAwIBAgIUfokc14xKIZHDeUl5tk3eA0Iaw+IwCgYIKoZIzj0EAwIw
EzERMA8GA1UEAwwIaW1wb3N0b3IwIBcNMjYxMTMwMDMxMzU4WhgPMjEyNjExMDYw
MzEzNThaMBMxETAPBgNVBAMMCGltcG9zdG9yMFkwEwYHKoZIzj0CAQYIKoZIzj0D
AQcDQgAEPGPfmX5PdgVjRBwuHx2Ddt3lZP2PodsZfNpgx38Px+z9N7+pQA0Xa/mP
WYJBj1T2wxXgF2TjoGhg7iVDLYuXWaNTMFEwHQYDVR0OBBYEFJ3jMAao4YxTu5XV
MMow+w0bGgLyMB8GA1UdIwQYMBaAFJ3jMAao4YxTu5XVMMow+w0bGgLyMA8GA1Ud
EwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIgBQ4CAOMuXyw8ZflNn5hLDP5+
fJQphkam6zJuz5yzwAUCIQDFoYI0q7PF2+Kq9ygf852l4nEAcdJeZ7FxdJzgGm5y
1A==
-----END CERTIFICATE-----`,
};
