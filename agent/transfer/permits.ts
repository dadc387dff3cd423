import { createHash, timingSafeEqual } from 'node:crypto';
import { LIMITS } from '../../protocol/limits.ts';
import { checkToken } from '../../protocol/names.ts';
import { transferFailed } from './failure.ts';
import { type Hello, streamKey } from './handshake.ts';
import type { DataStream, StreamId } from './stream.ts';

interface Waiter {
  readonly resolve: (stream: DataStream) => void;
  readonly reject: (error: unknown) => void;
}

interface Permit {
  readonly tokenHash: Buffer;
  /** Streams that were opened once, by key; they cannot be opened again. */
  readonly used: Set<string>;
  /** Opened, and not asked for yet. */
  readonly parked: Map<string, DataStream>;
  readonly waiting: Map<string, Waiter>;
}

/** Which jobs may open which streams, and who waits for them. No I/O. */
export class Permits {
  private readonly jobs = new Map<string, Permit>();

  /** @throws GodwitError TRANSFER_FAILED when the job is permitted already; NAME_INVALID */
  permit(job: string, token: string): void {
    checkToken(job, 'job id');
    if (this.jobs.has(job)) throw transferFailed(`job ${job} has a token already`);
    if (token.length === 0 || token.length > LIMITS.tokenChars)
      throw transferFailed('a token of a wrong length');
    this.jobs.set(job, { tokenHash: hash(token), used: new Set(), parked: new Map(), waiting: new Map() });
  }

  /** Forgets the job's token; whoever waits for its streams is told why. */
  forbid(job: string, reason: string): void {
    const permit = this.jobs.get(job);
    this.jobs.delete(job);
    for (const waiter of permit?.waiting.values() ?? []) waiter.reject(transferFailed(reason));
  }

  /** Every permitted job. */
  permitted(): string[] {
    return [...this.jobs.keys()];
  }

  /**
   * Uses up the stream that `hello` asks for; returns why not, or undefined. An unknown job and a wrong token get the
   * same words after the same work, so that the answer tells a stranger nothing.
   */
  claim(hello: Hello): string | undefined {
    const permit = this.jobs.get(hello.job);
    const matches = timingSafeEqual(permit?.tokenHash ?? NOBODY, hash(hello.token));
    if (permit === undefined || !matches) return 'the job or its token is not known here';
    const key = streamKey(hello);
    if (permit.used.has(key)) return `stream ${key} was opened already`;
    permit.used.add(key);
    return undefined;
  }

  /** Hands a claimed stream to whoever waits for it, or keeps it until somebody asks. */
  deliver(stream: DataStream): void {
    const permit = this.jobs.get(stream.id.job);
    const key = streamKey(stream.id);
    const waiter = permit?.waiting.get(key);
    permit?.waiting.delete(key);
    if (waiter) waiter.resolve(stream);
    else if (permit) permit.parked.set(key, stream);
    else stream.destroy(transferFailed('the job is not permitted any more'));
  }

  /** See DataPort.accept. */
  accept(id: StreamId, signal: AbortSignal): Promise<DataStream> {
    const permit = this.jobs.get(id.job);
    const key = streamKey(id);
    if (signal.aborted) return Promise.reject(signal.reason);
    if (permit === undefined) return Promise.reject(transferFailed(`job ${id.job} is not permitted here`));
    const parked = permit.parked.get(key);
    permit.parked.delete(key);
    if (parked?.destroyed) return Promise.reject(parked.errored ?? transferFailed(`stream ${key} broke`));
    if (parked) return Promise.resolve(parked);
    if (permit.used.has(key) || permit.waiting.has(key)) {
      return Promise.reject(transferFailed(`stream ${key} of job ${id.job} was taken already`));
    }
    return waitFor(permit, key, signal);
  }
}

function waitFor(permit: Permit, key: string, signal: AbortSignal): Promise<DataStream> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      permit.waiting.delete(key);
      reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    const settle = (): void => signal.removeEventListener('abort', onAbort);
    permit.waiting.set(key, {
      resolve: (stream) => {
        settle();
        resolve(stream);
      },
      reject: (error) => {
        settle();
        reject(error);
      },
    });
  });
}

const NOBODY = Buffer.alloc(32);

function hash(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
