import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../../protocol/limits.ts';
import { openDataPort } from './data-port.ts';
import { FakeClock } from './fake-clock.ts';
import { encodeAck, encodeHeader, FRAME } from './frames.ts';
import { DIRECTION, encodeHandshake, type Hello } from './handshake.ts';
import type { DataPort, DataStream } from './stream.ts';
import { NEVER, silentLog, TOKEN } from './testing.ts';

/** Peers that do not keep to the protocol. The port's clock stands still unless told. */
describe('hostile peers', { timeout: 30_000 }, () => {
  const hello: Hello = {
    job: 'victim',
    kind: 'pages',
    index: 0,
    token: TOKEN,
    window: 1_000_000,
    secret: '5ec2e7'.repeat(5),
    attempt: 1,
  };
  const sockets: Socket[] = [];
  let clock: FakeClock;
  let port: DataPort;

  beforeEach(async () => {
    clock = new FakeClock();
    port = await openDataPort({ host: '127.0.0.1', port: 0, clock, log: silentLog });
    port.permit(hello.job, TOKEN);
  });

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await port.close();
  });

  async function dial(): Promise<Socket> {
    const socket = connect({ port: port.port, host: '127.0.0.1' }).on('error', () => {});
    sockets.push(socket);
    await once(socket, 'connect');
    return socket;
  }

  async function answerTo(bytes: Buffer): Promise<string> {
    const socket = await dial();
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.write(bytes);
    await closed(socket);
    return Buffer.concat(chunks).subarray(8).toString();
  }

  async function stranger(): Promise<{ readonly socket: Socket; readonly stream: DataStream }> {
    const socket = await dial();
    socket.write(encodeHandshake(DIRECTION.hello, hello));
    return { socket: socket.resume(), stream: await port.accept(hello, NEVER) };
  }

  /** Lets time pass until the stream is broken. */
  async function failure(stream: DataStream): Promise<string> {
    const broken = async (): Promise<boolean> => {
      if (!stream.destroyed) await clock.advance(LIMITS.streamHeartbeatMs / 2);
      return stream.destroyed;
    };
    await expect.poll(broken, { interval: 5 }).toBe(true);
    return (stream.errored as { details?: { problem?: string } } | null)?.details?.problem ?? 'none';
  }

  it('get no answer to garbage and are counted', async () => {
    expect(await answerTo(Buffer.from('GET / HTTP/1.1\r\n\r\n'))).toBe('');
    expect(await answerTo(randomBytes(100_000))).toBe('');
    expect(port.counters).toEqual({ streamsAccepted: 0, streamsResumed: 0, handshakesRefused: 2 });
  });

  it('do no harm with any bytes after a right start', async () => {
    const whole = encodeHandshake(DIRECTION.hello, { ...hello, token: 'wrong' });
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        fc.nat(whole.length - 1),
        async (bytes, at) => {
          const mixed = Buffer.concat([whole.subarray(0, at), Buffer.from(bytes), whole.subarray(at)]);
          const socket = await dial();
          socket.resume().end(mixed);
          await closed(socket);
        },
      ),
      { numRuns: 100 },
    );
    expect(port.counters.streamsAccepted).toBe(0);
    expect(port.counters.handshakesRefused).toBe(100);
    const { stream } = await stranger();
    expect(stream.id.job).toBe('victim');
  });

  it.each([
    ['a wrong token', { ...hello, token: `${TOKEN.slice(1)}x` }, 'the job or its token is not known here'],
    ['a job that is not there', { ...hello, job: 'other' }, 'the job or its token is not known here'],
    ["another job's token", { ...hello, job: 'second' }, 'the job or its token is not known here'],
  ])('are refused with %s, in the same words', async (_what, body, problem) => {
    port.permit('second', 'another token');
    expect(JSON.parse(await answerTo(encodeHandshake(DIRECTION.hello, body)))).toEqual({
      ok: false,
      problem,
    });
  });

  it.each([
    ['an unknown kind', { ...hello, kind: 'shell' as 'lazy' }],
    ['a negative index', { ...hello, index: -1 }],
    ['a huge index', { ...hello, index: 1e9 }],
    ['a job that is no token', { ...hello, job: '../etc' }],
    ['no window', { ...hello, window: 0 }],
    ['too long a token', { ...hello, token: 'x'.repeat(LIMITS.tokenChars + 1) }],
  ])('are dropped with %s', async (_what, body) => {
    expect(await answerTo(encodeHandshake(DIRECTION.hello, body))).toBe('');
    expect(port.counters.handshakesRefused).toBe(1);
  });

  it('cannot use a stream twice, not even with the right token', async () => {
    await stranger();
    const other = { ...hello, secret: '0ther'.repeat(5), attempt: 2 };
    expect(await answerTo(encodeHandshake(DIRECTION.hello, other))).toContain('was opened already');
    expect(await answerTo(encodeHandshake(DIRECTION.hello, hello))).toContain('a newer connection');
  });

  it('cannot go on with a stream that is not theirs or not there', async () => {
    const { socket, stream } = await stranger();
    const late = { ...hello, attempt: 2, received: 0 };
    const refused = async (other: Partial<Hello>) =>
      JSON.parse(await answerTo(encodeHandshake(DIRECTION.hello, { ...late, ...other }))).problem;
    expect(await refused({ secret: '0ther'.repeat(5) })).toContain('was opened already');
    expect(await refused({ token: 'wrong' })).toContain('not known here');
    expect(await refused({ index: 1 })).toContain('not known here any more');
    socket.write(Buffer.concat([encodeHeader(FRAME.data, 1, 0), Buffer.from('x')]));
    await expect.poll(() => stream.bytesReceived).toBe(1);
    expect(port.counters).toMatchObject({ streamsAccepted: 1, streamsResumed: 0 });
  });

  it('lose their stream when they go on from where it never was', async () => {
    const { stream } = await stranger();
    const socket = await dial();
    socket.resume().write(encodeHandshake(DIRECTION.hello, { ...hello, attempt: 2, received: 7 }));
    expect(await failure(stream)).toContain('a resumption at 7 where 0 to 0 can be');
  });

  it('hear in their own version that it is another one', async () => {
    const old = encodeHandshake(DIRECTION.hello, hello, 1);
    const socket = await dial();
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk)).write(old);
    await closed(socket);
    const answer = Buffer.concat(chunks);
    expect(answer[4]).toBe(1);
    expect(JSON.parse(answer.subarray(8).toString())).toEqual({
      ok: false,
      problem: 'data protocol version 1; this node speaks 2',
    });
  });

  it('are dropped when their handshake is too slow', async () => {
    const socket = await dial();
    socket.write(encodeHandshake(DIRECTION.hello, hello).subarray(0, 20));
    await expect.poll(() => clock.pending).toBe(1);
    await clock.advance(LIMITS.handshakeMs - 1);
    expect(port.counters.handshakesRefused).toBe(0);
    await clock.advance(1);
    await closed(socket.resume());
    expect(port.counters.handshakesRefused).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it('cannot keep others out by holding many connections open', async () => {
    for (let index = 0; index < LIMITS.handshakesPending + 10; index += 1) await dial();
    const { stream } = await stranger();
    expect(stream.destroyed).toBe(false);
    expect(port.counters.handshakesRefused).toBeGreaterThanOrEqual(10);
  });

  it.each([
    ['a huge length', encodeHeader(FRAME.data, 0x7fffffff, 0), 'a frame of type 1'],
    ['an unknown type', encodeHeader(77 as 1, 0, 0), 'unknown frame type 77'],
    ['a gap', Buffer.concat([encodeHeader(FRAME.data, 1, 7), Buffer.from('x')]), 'offset 7 where 0 was due'],
    ['an ack of the future', encodeAck(1, 1), 'an ack of 1 where'],
  ])('lose their stream with %s', async (_what, bytes, problem) => {
    const { socket, stream } = await stranger();
    socket.write(bytes);
    expect(await failure(stream)).toContain(problem);
  });

  it('lose their stream when they ignore the window', async () => {
    const { socket, stream } = await stranger();
    const payload = Buffer.alloc(LIMITS.frameBytes);
    for (let offset = 0; offset <= LIMITS.streamWindowBytes; offset += payload.length) {
      socket.write(Buffer.concat([encodeHeader(FRAME.data, payload.length, offset), payload]));
    }
    expect(await failure(stream)).toContain('more data than the window allows');
  });

  it('break only their own stream when they vanish in the middle of a frame', async () => {
    const { socket, stream } = await stranger();
    socket.write(encodeHeader(FRAME.data, 100, 0));
    socket.end('only a part');
    expect(await failure(stream)).toContain('closed the connection before the end');
  });

  it('break only their own stream when they reset the connection', async () => {
    const { socket, stream } = await stranger();
    socket.resetAndDestroy();
    expect(await failure(stream)).toMatch(/ECONNRESET|closed/);
  });

  it('count as gone when they stay silent, and not before', async () => {
    const { socket, stream } = await stranger();
    for (let beat = 0; beat < 12; beat += 1) {
      const received = stream.bytesReceived;
      socket.write(Buffer.concat([encodeHeader(FRAME.data, 1, received), Buffer.from('x')]));
      await expect.poll(() => stream.bytesReceived).toBe(received + 1);
      await clock.advance(LIMITS.streamHeartbeatMs);
    }
    expect(stream.destroyed).toBe(false);
    await clock.advance(LIMITS.streamSilentMs);
    expect(stream.destroyed).toBe(false);
    await clock.advance(LIMITS.streamHeartbeatMs + LIMITS.streamResumeMs);
    expect(await failure(stream)).toBe('the peer was silent for 4 s, and no new connection within 10 s');
    expect(clock.pending).toBe(0);
  });

  it('do not keep a destroyed stream alive by not reading its last word', async () => {
    const { socket, stream } = await stranger();
    socket.pause();
    stream.write(Buffer.alloc(1_000_000));
    stream.destroy(new Error('over'));
    await clock.advance(LIMITS.streamLingerMs);
    await closed(socket.resume());
    expect(clock.pending).toBe(0);
  });
});

/** Unlike `once`, does not mind an error before. */
function closed(end: Duplex): Promise<void> {
  return new Promise((resolve) => end.once('close', resolve));
}
