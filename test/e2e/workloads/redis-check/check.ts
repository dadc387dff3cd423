import { setTimeout as sleep } from 'node:timers/promises';
import { ConnectionLost, RedisConnection } from './connection.ts';
import { contentOf, keyOf } from './content.ts';
import { type Gap, GapMeter } from './gaps.ts';
import { type Reply, RespError } from './resp.ts';

export interface CheckOptions {
  readonly host: string;
  readonly port: number;
  /** How much memory the values take. */
  readonly megabytes: number;
  readonly valueBytes: number;
  readonly seed: number;
  /** Commands per second while it runs; 0 is as many as it can. */
  readonly rate: number;
  /** Gaps from this length on are told at once. */
  readonly noteGapMs: number;
  /** Without any reply for so long the connection counts as lost. */
  readonly stallMs: number;
}

export interface Verdict {
  readonly type: 'verdict';
  /** True: every reply and every key was right, and the connection lived. */
  readonly ok: boolean;
  readonly keys: number;
  readonly bytes: number;
  readonly replies: number;
  readonly wrong: number;
  /** The first few wrong replies, in words. */
  readonly problems: readonly string[];
  readonly verifiedKeys: number;
  readonly localPort: number;
  readonly largestGap: Gap;
  readonly gaps: readonly Gap[];
}

/** Something to tell while it goes on; one NDJSON line each. */
export type Note = (line: Readonly<Record<string, unknown>>) => void;

const COUNTER = 'check:counter';
/** Commands on their way while loading and verifying. */
const WINDOW = 256;
const PROBLEMS_KEPT = 20;

/**
 * Loads keys of known content, then sets, gets and counts on the same connection, comparing every reply, until `stop`;
 * then reads every key back. The connection is opened once. Never throws for what the server does: the verdict says it.
 */
export async function checkRedis(options: CheckOptions, stop: AbortSignal, note: Note): Promise<Verdict> {
  const run = new Check(options, note);
  try {
    await run.connect();
    await run.load();
    note({ type: 'loaded', keys: run.keys, bytes: run.keys * options.valueBytes, nowMs: Date.now() });
    await run.exercise(stop);
    note({ type: 'verifying', replies: run.replies, nowMs: Date.now() });
    await run.verify();
  } catch (error) {
    run.problem(error instanceof ConnectionLost ? `connection lost: ${error.message}` : String(error));
  } finally {
    run.close();
  }
  return run.verdict();
}

class Check {
  readonly keys: number;
  replies = 0;
  private wrong = 0;
  private verified = 0;
  private counter = 0;
  private readonly problems: string[] = [];
  private readonly versions: Uint32Array;
  private readonly gaps: GapMeter;
  private readonly options: CheckOptions;
  private connection: RedisConnection | undefined;
  private watchdog: NodeJS.Timeout | undefined;

  constructor(options: CheckOptions, note: Note) {
    this.options = options;
    this.keys = Math.max(1, Math.floor((options.megabytes * 1024 * 1024) / options.valueBytes));
    this.versions = new Uint32Array(this.keys);
    this.gaps = new GapMeter(options.noteGapMs, (gap) => note({ type: 'gap', ...gap }));
  }

  async connect(): Promise<void> {
    const { host, port, stallMs } = this.options;
    const connection = await RedisConnection.open(host, port, () => {
      this.replies += 1;
      this.gaps.replied();
      this.watchdog?.refresh();
    });
    this.connection = connection;
    this.watchdog = setTimeout(() => connection.lose(`no reply for ${stallMs} ms`), stallMs);
  }

  async load(): Promise<void> {
    await this.all(async (index) => {
      this.expect('SET', index, await this.send('SET', keyOf(index), this.value(index)), 'OK');
    });
    this.expect('SET', COUNTER, await this.send('SET', COUNTER, '0'), 'OK');
  }

  /** One command after the other, so that each reply's gap is its own. */
  async exercise(stop: AbortSignal): Promise<void> {
    const { rate } = this.options;
    const startMs = performance.now();
    for (let step = 0; !stop.aborted; step++) {
      this.gaps.asked();
      await this.step(step);
      const aheadMs = rate > 0 ? startMs + (step * 1000) / rate - performance.now() : 0;
      if (aheadMs >= 1) {
        // Between commands nobody waits for Redis.
        await sleep(aheadMs, undefined, { signal: stop }).catch(() => undefined);
        this.watchdog?.refresh();
      }
    }
  }

  async verify(): Promise<void> {
    this.expect('GET', COUNTER, await this.send('GET', COUNTER), Buffer.from(String(this.counter)));
    await this.all(async (index) => {
      if (this.expect('GET', index, await this.send('GET', keyOf(index)), this.value(index)))
        this.verified += 1;
    });
  }

  problem(words: string): void {
    this.wrong += 1;
    if (this.problems.length < PROBLEMS_KEPT) this.problems.push(words);
  }

  close(): void {
    clearTimeout(this.watchdog);
    this.connection?.lose('done');
  }

  verdict(): Verdict {
    return {
      type: 'verdict',
      ok: this.wrong === 0 && this.verified === this.keys,
      keys: this.keys,
      bytes: this.keys * this.options.valueBytes,
      replies: this.replies,
      wrong: this.wrong,
      problems: this.problems,
      verifiedKeys: this.verified,
      localPort: this.connection?.localPort ?? 0,
      largestGap: this.gaps.largest,
      gaps: this.gaps.gaps,
    };
  }

  /** SET, GET and INCR in turn; keys in an order that looks random and is the same each time. */
  private async step(step: number): Promise<void> {
    const index = (step * 7919) % this.keys;
    if (step % 3 === 0) {
      this.versions[index] = (this.versions[index] ?? 0) + 1;
      this.expect('SET', index, await this.send('SET', keyOf(index), this.value(index)), 'OK');
    } else if (step % 3 === 1) {
      this.expect('GET', index, await this.send('GET', keyOf(index)), this.value(index));
    } else {
      this.counter += 1;
      this.expect('INCR', COUNTER, await this.send('INCR', COUNTER), this.counter);
    }
  }

  private async all(action: (index: number) => Promise<void>): Promise<void> {
    let index = 0;
    const worker = async () => {
      while (index < this.keys) await action(index++);
    };
    await Promise.all(Array.from({ length: WINDOW }, worker));
  }

  private send(...parts: readonly (string | Buffer)[]): Promise<Reply> {
    if (!this.connection) throw new ConnectionLost('never opened');
    return this.connection.send(...parts);
  }

  private value(index: number): Buffer {
    return contentOf(this.options.seed, index, this.versions[index] ?? 0, this.options.valueBytes);
  }

  private expect(
    command: string,
    key: number | string,
    reply: Reply,
    wanted: string | number | Buffer,
  ): boolean {
    const right = Buffer.isBuffer(wanted) ? Buffer.isBuffer(reply) && reply.equals(wanted) : reply === wanted;
    if (!right)
      this.problem(
        `${command} ${typeof key === 'number' ? keyOf(key) : key}: ${words(reply)}, not ${words(wanted)}`,
      );
    return right;
  }
}

function words(reply: Reply): string {
  if (reply instanceof RespError) return reply.message;
  if (Buffer.isBuffer(reply)) return `${reply.length} bytes ${reply.subarray(0, 8).toString('hex')}…`;
  return JSON.stringify(reply);
}
