import { constants, createHash, createHmac, randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { HandshakeError } from './handshake.ts';

/** First byte of a TLS connection; no handshake of ours begins with it. */
export const TLS_BYTE = 22;

/** Both ends know the key: no certificates, no other versions, and a new secret for each connection. */
const TLS = {
  minVersion: 'TLSv1.3',
  maxVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_128_GCM_SHA256',
  secureOptions: constants.SSL_OP_NO_TICKET,
} as const;

/** Only when it is needed: a process that has loaded it moves a fifth less through plain sockets. */
const loadTls = () => import('node:tls');

/** Who knows the job's token knows this key; it tells nothing of the token. */
export function sealingKey(token: string): Buffer {
  return createHmac('sha256', createHash('sha256').update(token).digest())
    .update('godwit data port')
    .digest();
}

/** Connects encrypted. Who does not have the job's token can neither answer nor read along. */
export async function connectSealed(
  peer: { readonly host: string; readonly port: number; readonly token: string },
  job: string,
): Promise<TLSSocket> {
  const { connect } = await loadTls();
  const psk = sealingKey(peer.token);
  const socket = connect({
    ...TLS,
    host: peer.host,
    port: peer.port,
    pskCallback: () => ({ psk, identity: job }),
    // A server without the key could offer a certificate instead; none is good enough.
    ca: [],
    checkServerIdentity: (_host, certificate) =>
      certificate?.raw === undefined ? undefined : new Error('the peer does not know the job or its token'),
  });
  return socket.setNoDelay().setKeepAlive(true);
}

/** Takes the encryption off an incoming connection. @throws HandshakeError when the other end does not have the key of its job */
export async function unseal(
  socket: Socket,
  options: { readonly keyOf: (job: string) => Buffer | undefined; readonly withinMs: number },
): Promise<TLSSocket> {
  const { keyOf, withinMs } = options;
  const { createServer } = await loadTls();
  return new Promise((resolve, reject) => {
    const fail = (error?: Error): void =>
      reject(new HandshakeError(`no encrypted connection: ${error?.message ?? 'closed'}`));
    const server = createServer({
      ...TLS,
      handshakeTimeout: withinMs,
      // An unknown job fails like a wrong token does, so that the answer tells a stranger nothing.
      pskCallback: (_socket, job) => keyOf(job) ?? randomBytes(32),
    });
    server.once('secureConnection', resolve).once('tlsClientError', fail);
    socket.once('close', () => fail());
    server.emit('connection', socket);
  });
}

/** True when a dial failed because the two ends have no key in common. */
export function isWithoutKey(error: unknown): boolean {
  const { cause } = error as { readonly cause?: { readonly code?: unknown } };
  const code = String(cause?.code);
  return code === 'EPROTO' || code.startsWith('ERR_SSL_');
}
