import { JetStreamApiError, jetstream } from '@nats-io/jetstream';
import {
  headers,
  InvalidArgumentError,
  nuid,
  PermissionViolationError,
  TimeoutError,
} from '@nats-io/transport-node';
import { GodwitError, LIMITS } from '../../protocol/mod.ts';
import type { CasResult } from './bus.ts';
import type { Link } from './link.ts';
import { isNoResponders } from './request.ts';

/** JetStream's "wrong last sequence", for a settled and for a still replicating write. */
const CONFLICTS = new Set([10_071, 10_164]);

/** Between two tries while nobody takes the write. */
const AGAIN_MS = { first: 25, most: 250 };
/** A server that died with the write under way never answers; another one will. */
const SILENT_MS = 2_000;

/** One write under a condition: the subject's last message has this sequence (0: there is none). */
export interface Write {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly revision: number;
  /** The value is a deletion mark. */
  readonly deletes?: boolean;
}

/**
 * Writes if nobody else has. Only an answer that never came makes the outcome unknown: a refusal is a refusal. While
 * JetStream has no leader nobody takes the write, or nobody answers it: it is sent again as long as there is time for an
 * answer, under the same id, by which JetStream knows a write that it has already.
 * @throws GodwitError STORE_UNAVAILABLE, NOT_ALLOWED: nothing was written
 */
export async function compareAndSwap(
  link: Link,
  write: Write,
  timeoutMs: number = LIMITS.requestMs,
): Promise<CasResult> {
  const untilMs = link.clock.monotonicMs() + timeoutMs;
  const id = nuid.next();
  let unanswered: CasResult | undefined;
  for (let waitMs = AGAIN_MS.first; ; waitMs = Math.min(waitMs * 2, AGAIN_MS.most)) {
    if (!link.connected()) return unanswered ?? refuse('the connection to NATS is down');
    const leftMs = untilMs - link.clock.monotonicMs();
    try {
      return { status: 'ok', revision: await send(link, write, id, Math.min(leftMs, SILENT_MS)) };
    } catch (error) {
      if (isConflict(error)) return { status: 'conflict' };
      const silent = isSilence(error);
      if (silent) unanswered = outcomeOf(error);
      // A last try with hardly any time would make a clear refusal an unknown outcome.
      const enough = leftMs - (silent ? SILENT_MS : waitMs) >= timeoutMs / 4;
      if (!enough || !(silent || nobodyThere(error))) return unanswered ?? outcomeOf(error);
    }
    await link.clock.sleep(waitMs);
  }
}

/** What a failed write means for the record. @throws GodwitError when it certainly was not written */
export function outcomeOf(error: unknown): CasResult {
  if (isConflict(error)) return { status: 'conflict' };
  if (error instanceof JetStreamApiError) return refuse(error.message, error);
  if (nobodyThere(error)) return refuse('JetStream does not answer', error);
  const cause = error instanceof Error && error.cause ? error.cause : error;
  if (cause instanceof PermissionViolationError)
    throw new GodwitError('NOT_ALLOWED', { problem: 'NATS forbids to write records' }, { cause: error });
  if (error instanceof InvalidArgumentError)
    throw new GodwitError('INTERNAL', { problem: error.message }, { cause: error });
  return { status: 'unknown', problem: error instanceof Error ? error.message : String(error) };
}

async function send(link: Link, write: Write, id: string, timeoutMs: number): Promise<number> {
  const lost = lossOf(link);
  try {
    const sent = jetstream(link.nc).publish(write.subject, write.data, {
      expect: { lastSubjectSequence: write.revision },
      msgID: id,
      timeout: timeoutMs,
      ...(write.deletes ? { headers: deletion() } : {}),
    });
    sent.catch(() => undefined);
    return (await Promise.race([sent, lost.happened])).seq;
  } finally {
    lost.forget();
  }
}

function refuse(problem: string, cause?: unknown): never {
  throw new GodwitError('STORE_UNAVAILABLE', { problem }, { cause });
}

function isConflict(error: unknown): boolean {
  return error instanceof JetStreamApiError && CONFLICTS.has(error.code);
}

function isSilence(error: unknown): boolean {
  return error instanceof TimeoutError || (error instanceof Error && error.cause instanceof TimeoutError);
}

/** True when the server said that no stream listens: the write reached nobody. */
function nobodyThere(error: unknown): boolean {
  return isNoResponders(error) || (error instanceof Error && isNoResponders(error.cause));
}

/** A lost connection means that the answer, if there is one, will not arrive. */
function lossOf(link: Link): { happened: Promise<never>; forget: () => void } {
  let forget: () => void = () => undefined;
  const happened = new Promise<never>((_resolve, reject) => {
    forget = link.onLost(() => reject(new Error('the connection to NATS was lost')));
  });
  happened.catch(() => undefined);
  return { happened, forget };
}

function deletion() {
  const mark = headers();
  mark.set('KV-Operation', 'DEL');
  return mark;
}
