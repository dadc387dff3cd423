import { createHash, timingSafeEqual } from 'node:crypto';
import { LIMITS } from '../../protocol/limits.ts';
import { checkToken } from '../../protocol/names.ts';
import { problemOf, transferFailed } from './failure.ts';
import { type Answer, type Hello, streamKey } from './handshake.ts';
import { sealingKey } from './seal.ts';
import type { StreamId, StreamKind } from './stream.ts';

/** What permits need to know of a stream. */
export interface Permitted {
  readonly id: StreamId;
  readonly destroyed: boolean;
  readonly errored: Error | null;
  /** No connection is of use to it any more. */
  readonly isOver: boolean;
  /** Everything was sent and taken, at both ends. */
  readonly complete: boolean;
  /** What came from the opener, the end counting as one. */
  readonly received: number;
  destroy(error: Error): unknown;
}

/** What a hello may do, and what it is to be answered. */
export interface Claim<T> {
  readonly answer: Answer;
  /** `over`: nothing comes after the answer. */
  readonly stream: 'over' | 'new' | T;
}

interface Waiter<T> {
  /** Undefined: any. */
  readonly key: string | undefined;
  readonly kind: StreamKind;
  readonly resolve: (stream: T) => void;
  readonly reject: (error: unknown) => void;
}

/** A stream that was opened; it cannot be opened again, only gone on with. */
interface Opened<T> {
  readonly secretHash: Buffer;
  attempt: number;
  /** Undefined only while its first connection is being made a stream. */
  stream?: T;
  /** Somebody has asked for it. */
  taken: boolean;
}

interface Permit<T> {
  readonly tokenHash: Buffer;
  readonly key: Buffer;
  readonly opened: Map<string, Opened<T>>;
  readonly waiting: Set<Waiter<T>>;
}

/** Which jobs may open which streams, who may go on with them, and who waits for them. No I/O. */
export class Permits<T extends Permitted> {
  private readonly jobs = new Map<string, Permit<T>>();

  /** @throws GodwitError TRANSFER_FAILED when the job is permitted already; NAME_INVALID */
  permit(job: string, token: string): void {
    checkToken(job, 'job id');
    if (this.jobs.has(job)) throw transferFailed(`job ${job} has a token already`);
    if (token.length === 0 || token.length > LIMITS.tokenChars)
      throw transferFailed('a token of a wrong length');
    this.jobs.set(job, {
      tokenHash: hash(token),
      key: sealingKey(token),
      opened: new Map(),
      waiting: new Set(),
    });
  }

  /** What the job's connections are encrypted with. */
  keyOf(job: string): Buffer | undefined {
    return this.jobs.get(job)?.key;
  }

  /** Forgets the job's token; whoever waits for its streams is told why. */
  forbid(job: string, reason: string): void {
    const permit = this.jobs.get(job);
    this.jobs.delete(job);
    for (const waiter of permit?.waiting ?? []) waiter.reject(transferFailed(reason));
  }

  /** Every permitted job. */
  permitted(): string[] {
    return [...this.jobs.keys()];
  }

  /**
   * What a hello may do; a new stream is to be delivered at once then. An unknown job and a wrong token get the same
   * words after the same work, so that the answer tells a stranger nothing.
   */
  claim(hello: Hello): Claim<T> {
    const permit = this.jobs.get(hello.job);
    const matches = timingSafeEqual(permit?.tokenHash ?? NOBODY, hash(hello.token));
    if (permit === undefined || !matches) return UNKNOWN;
    const key = streamKey(hello);
    const secretHash = hash(hello.secret);
    const opened = permit.opened.get(key);
    if (opened) return another(opened, key, secretHash, hello.attempt);
    if (hello.received !== undefined) return refusal(`stream ${key} is not known here any more`);
    permit.opened.set(key, { secretHash, attempt: hello.attempt, taken: false });
    return { answer: welcome(0), stream: 'new' };
  }

  /** Hands a claimed stream to whoever waits for it, or keeps it until somebody asks. */
  deliver(stream: T): void {
    const permit = this.jobs.get(stream.id.job);
    const key = streamKey(stream.id);
    const opened = permit?.opened.get(key);
    if (!permit || !opened) {
      stream.destroy(transferFailed('the job is not permitted any more'));
      return;
    }
    opened.stream = stream;
    const waiters = [...permit.waiting];
    const waiter =
      waiters.find((one) => one.key === key) ??
      waiters.find((one) => one.key === undefined && one.kind === stream.id.kind);
    if (!waiter) return;
    opened.taken = true;
    waiter.resolve(stream);
  }

  /** See DataPort.accept. */
  async accept(id: StreamId, signal: AbortSignal): Promise<T> {
    const key = streamKey(id);
    const permit = this.of(id.job, signal);
    const opened = permit.opened.get(key);
    if (opened?.stream && !opened.taken) return take(opened, opened.stream);
    if (opened || [...permit.waiting].some((waiter) => waiter.key === key))
      throw transferFailed(`stream ${key} of job ${id.job} was taken already`);
    return waitFor(permit, key, id.kind, signal);
  }

  /** See DataPort.acceptNext. */
  async acceptNext(job: string, kind: StreamKind, signal: AbortSignal): Promise<T> {
    const permit = this.of(job, signal);
    for (const opened of permit.opened.values()) {
      const { stream, taken } = opened;
      if (stream?.id.kind === kind && !taken && !stream.destroyed) return take(opened, stream);
    }
    return waitFor(permit, undefined, kind, signal);
  }

  private of(job: string, signal: AbortSignal): Permit<T> {
    signal.throwIfAborted();
    const permit = this.jobs.get(job);
    if (permit === undefined) throw transferFailed(`job ${job} is not permitted here`);
    return permit;
  }
}

/** Another connection of a stream that was opened before. */
function another<T extends Permitted>(
  opened: Opened<T>,
  key: string,
  secretHash: Buffer,
  attempt: number,
): Claim<T> {
  const { stream } = opened;
  if (stream === undefined || !timingSafeEqual(opened.secretHash, secretHash))
    return refusal(`stream ${key} was opened already`);
  if (attempt <= opened.attempt) return refusal(`a newer connection of stream ${key} has taken its place`);
  opened.attempt = attempt;
  if (!stream.isOver) return { answer: welcome(stream.received), stream };
  if (stream.complete) return { answer: { ...welcome(stream.received), done: true }, stream: 'over' };
  return refusal(stream.errored === null ? `stream ${key} was cancelled` : problemOf(stream.errored));
}

function welcome(received: number) {
  return { ok: true, window: LIMITS.streamWindowBytes, received } as const;
}

function refusal(problem: string) {
  return { answer: { ok: false, problem }, stream: 'over' } as const;
}

const UNKNOWN = {
  answer: { ok: false, problem: 'the job or its token is not known here', unknown: true },
  stream: 'over',
} as const;

function take<T extends Permitted>(opened: Opened<T>, stream: T): T {
  opened.taken = true;
  if (stream.destroyed) throw stream.errored ?? transferFailed(`stream ${streamKey(stream.id)} broke`);
  return stream;
}

function waitFor<T>(
  permit: Permit<T>,
  key: string | undefined,
  kind: StreamKind,
  signal: AbortSignal,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      permit.waiting.delete(waiter);
      signal.removeEventListener('abort', onAbort);
    };
    const onAbort = (): void => {
      settle();
      reject(signal.reason);
    };
    const waiter: Waiter<T> = {
      key,
      kind,
      resolve: (stream) => {
        settle();
        resolve(stream);
      },
      reject: (error) => {
        settle();
        reject(error);
      },
    };
    signal.addEventListener('abort', onAbort, { once: true });
    permit.waiting.add(waiter);
  });
}

const NOBODY = Buffer.alloc(32);

function hash(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
