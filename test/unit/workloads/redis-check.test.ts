import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CheckOptions, checkRedis, type Verdict } from '../../e2e/workloads/redis-check/check.ts';
import { encodeCommand, type Reply, RespError, RespReader } from '../../e2e/workloads/redis-check/resp.ts';

describe('RESP', () => {
  it('reads every kind of reply however the bytes are cut', () => {
    const wire = Buffer.from(
      '+OK\r\n-ERR no\r\n:-42\r\n$-1\r\n$4\r\na\r\nb\r\n*2\r\n:1\r\n$0\r\n\r\n*-1\r\n',
    );
    const replies: Reply[] = [
      'OK',
      new RespError('ERR no'),
      -42,
      null,
      Buffer.from('a\r\nb'),
      [1, Buffer.alloc(0)],
      null,
    ];
    fc.assert(
      fc.property(fc.array(fc.nat(wire.length)), (cuts) => {
        const reader = new RespReader();
        const bounds = [0, ...cuts.sort((a, b) => a - b), wire.length];
        const read = bounds.slice(1).flatMap((end, index) => reader.push(wire.subarray(bounds[index], end)));
        expect(read).toEqual(replies);
      }),
    );
  });

  it.each(['HTTP/1.1 400\r\n', ':x\r\n', '$1\r\nabc\r\n', '$999999999999\r\n'])('refuses %j', (wire) => {
    expect(() => new RespReader().push(Buffer.from(wire))).toThrow(/not RESP2/);
  });

  it('writes commands as arrays of strings, counting bytes', () => {
    expect(encodeCommand(['SET', 'ö', Buffer.from([0])]).toString('latin1')).toBe(
      '*3\r\n$3\r\nSET\r\n$2\r\nÃ¶\r\n$1\r\n\0\r\n',
    );
  });
});

/** A Redis of three commands that can be told to misbehave. */
class FakeRedis {
  readonly data = new Map<string, Buffer>();
  readonly sockets: Socket[] = [];
  readonly server: Server = createServer((socket) => this.serve(socket));
  /** Set: called for each command; its answer replaces the right one. */
  tamper: ((command: string, key: string) => string | undefined) | undefined;

  private serve(socket: Socket): void {
    this.sockets.push(socket);
    const reader = new RespReader();
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      for (const command of reader.push(chunk)) {
        const [name, key, value] = (command as Buffer[]).map((part) => part);
        const right = this.answer(String(name), String(key), value ?? Buffer.alloc(0));
        socket.write(this.tamper?.(String(name), String(key)) ?? right);
      }
    });
  }

  private answer(name: string, key: string, value: Buffer): Buffer | string {
    if (name === 'SET') {
      this.data.set(key, value);
      return '+OK\r\n';
    }
    const held = this.data.get(key);
    if (name === 'GET')
      return held
        ? Buffer.concat([Buffer.from(`$${held.length}\r\n`), held, Buffer.from('\r\n')])
        : '$-1\r\n';
    const count = Number(held ?? 0) + 1;
    this.data.set(key, Buffer.from(String(count)));
    return `:${count}\r\n`;
  }
}

describe('checkRedis', () => {
  let redis: FakeRedis;
  beforeEach(async () => {
    redis = new FakeRedis();
    redis.server.listen(0, '127.0.0.1');
    await once(redis.server, 'listening');
  });
  afterEach(async () => {
    for (const socket of redis.sockets) socket.destroy();
    redis.server.close();
  });

  /** Runs until `until` replies came; `at` is called at each reply count. */
  async function run(
    change: Partial<CheckOptions>,
    meanwhile: (stop: AbortController) => void,
  ): Promise<[Verdict, object[]]> {
    const { port } = redis.server.address() as AddressInfo;
    const options = {
      host: '127.0.0.1',
      port,
      megabytes: 1,
      valueBytes: 1000,
      seed: 7,
      rate: 0,
      noteGapMs: 150,
      stallMs: 5_000,
      ...change,
    };
    const stop = new AbortController();
    const notes: object[] = [];
    const verdict = await checkRedis(options, stop.signal, (line) => {
      notes.push(line);
      if (line.type === 'loaded') meanwhile(stop);
    });
    return [verdict, notes];
  }
  const stopAfter = (count: number, stop: AbortController, then?: (seen: number) => string | undefined) => {
    let seen = 0;
    redis.tamper = () => {
      seen += 1;
      if (seen === count) stop.abort();
      return then?.(seen);
    };
  };

  it('is content with a server that keeps everything', async () => {
    const [verdict, notes] = await run({}, (stop) => stopAfter(300, stop));
    expect(verdict).toMatchObject({
      ok: true,
      keys: 1048,
      bytes: 1_048_000,
      wrong: 0,
      verifiedKeys: 1048,
      problems: [],
    });
    expect(verdict.replies).toBeGreaterThanOrEqual(1049 + 300 + 1049);
    expect(verdict.localPort).toBe(redis.sockets[0]?.remotePort);
    expect(notes.map((note) => (note as { type: string }).type)).toEqual(['loaded', 'verifying']);
    expect(Number(redis.data.get('check:counter'))).toBe(100);
  });

  it('measures a pause, with its place on the wall clock', async () => {
    const [verdict, notes] = await run({}, (stop) => {
      stopAfter(40, stop, (seen) => {
        if (seen === 20) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
        return undefined;
      });
    });
    expect(verdict.ok).toBe(true);
    expect(verdict.largestGap.ms).toBeGreaterThanOrEqual(190);
    expect(verdict.largestGap.endMs - verdict.largestGap.startMs).toBeGreaterThanOrEqual(190);
    expect(verdict.gaps).toContainEqual(verdict.largestGap);
    expect(notes).toContainEqual({ type: 'gap', ...verdict.largestGap });
  });

  it.each<[string, (key: string) => void, RegExp]>([
    ['a lost key', (key) => redis.data.delete(key), /^GET check:5: null, not 1000 bytes/],
    [
      'a changed key',
      (key) => redis.data.set(key, Buffer.alloc(1000)),
      /^GET check:5: 1000 bytes 0000000000000000…, not 1000 bytes/,
    ],
  ])('finds %s in the full verification', async (_what, harm, words) => {
    const [verdict] = await run({}, (stop) => {
      stop.abort();
      harm('check:5');
    });
    expect(verdict).toMatchObject({ ok: false, wrong: 1, verifiedKeys: 1047 });
    expect(verdict.problems[0]).toMatch(words);
  });

  it('finds a counter that stepped back, and a reply that is an error', async () => {
    const [verdict] = await run({}, (stop) => {
      stopAfter(6, stop, (seen) => (seen === 3 ? ':0\r\n' : seen === 4 ? '-LOADING\r\n' : undefined));
    });
    expect(verdict.ok).toBe(false);
    expect(verdict.problems).toEqual([
      'INCR check:counter: 0, not 1',
      expect.stringMatching(/^SET check:\d+: LOADING, not "OK"$/),
    ]);
  });

  it('never connects again', async () => {
    const [verdict] = await run({}, () => {
      redis.tamper = () => {
        redis.sockets[0]?.destroy();
        return undefined;
      };
    });
    expect(verdict).toMatchObject({ ok: false, problems: ['connection lost: closed by the server'] });
    expect(redis.sockets).toHaveLength(1);
  });

  it('gives a silent server up after the stall time, and one that answers too much at once', async () => {
    const [silent] = await run({ stallMs: 300 }, () => {
      redis.tamper = () => '';
    });
    expect(silent.problems).toEqual(['connection lost: no reply for 300 ms']);
    redis.tamper = undefined;
    const [chatty] = await run({}, (stop) => stopAfter(4, stop, () => '+OK\r\n+OK\r\n'));
    expect(chatty.problems.at(-1)).toBe('connection lost: a reply that nobody asked for');
  });

  it('says it when nobody listens', async () => {
    redis.server.close();
    await once(redis.server, 'close');
    const verdict = await checkRedis(
      {
        host: '127.0.0.1',
        port: 1,
        megabytes: 1,
        valueBytes: 1000,
        seed: 1,
        rate: 0,
        noteGapMs: 100,
        stallMs: 1000,
      },
      new AbortController().signal,
      () => undefined,
    );
    expect(verdict).toMatchObject({ ok: false, replies: 0 });
    expect(verdict.problems[0]).toMatch(/ECONNREFUSED/);
  });
});
