import { JetStreamApiError, jetstream } from '@nats-io/jetstream';
import { headers, InvalidArgumentError, PermissionViolationError } from '@nats-io/transport-node';
import { GodwitError, LIMITS } from '../../protocol/mod.ts';
import type { CasResult } from './bus.ts';
import type { Link } from './link.ts';
import { isNoResponders } from './request.ts';

/** JetStream's "wrong last sequence", for a settled and for a still replicating write. */
const CONFLICTS = new Set([10_071, 10_164]);

/** Between two tries while nobody takes the write. */
const AGAIN_MS = { first: 25, most: 250 };

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
 * JetStream has no leader nobody takes the write at all, so it is tried again as long as there is time for an answer.
 * @throws GodwitError STORE_UNAVAILABLE, NOT_ALLOWED: nothing was written
 */
export async function compareAndSwap(
  link: Link,
  write: Write,
  timeoutMs: number = LIMITS.requestMs,
): Promise<CasResult> {
  const untilMs = link.clock.monotonicMs() + timeoutMs;
  for (let waitMs = AGAIN_MS.first; ; waitMs = Math.min(waitMs * 2, AGAIN_MS.most)) {
    if (!link.connected())
      throw new GodwitError('STORE_UNAVAILABLE', { problem: 'the connection to NATS is down' });
    const leftMs = untilMs - link.clock.monotonicMs();
    try {
      return { status: 'ok', revision: await send(link, write, leftMs) };
    } catch (error) {
      // A last try with hardly any time would make a clear refusal an unknown outcome.
      if (!nobodyThere(error) || leftMs - waitMs < timeoutMs / 4) return outcomeOf(error);
    }
    await link.clock.sleep(waitMs);
  }
}

/** What a failed write means for the record. @throws GodwitError when it certainly was not written */
export function outcomeOf(error: unknown): CasResult {
  if (error instanceof JetStreamApiError) {
    if (CONFLICTS.has(error.code)) return { status: 'conflict' };
    throw new GodwitError('STORE_UNAVAILABLE', { problem: error.message }, { cause: error });
  }
  if (nobodyThere(error))
    throw new GodwitError('STORE_UNAVAILABLE', { problem: 'JetStream does not answer' }, { cause: error });
  const cause = error instanceof Error && error.cause ? error.cause : error;
  if (cause instanceof PermissionViolationError)
    throw new GodwitError('NOT_ALLOWED', { problem: 'NATS forbids to write records' }, { cause: error });
  if (error instanceof InvalidArgumentError)
    throw new GodwitError('INTERNAL', { problem: error.message }, { cause: error });
  return { status: 'unknown', problem: error instanceof Error ? error.message : String(error) };
}

async function send(link: Link, write: Write, timeoutMs: number): Promise<number> {
  const lost = lossOf(link);
  try {
    const sent = jetstream(link.nc).publish(write.subject, write.data, {
      expect: { lastSubjectSequence: write.revision },
      timeout: timeoutMs,
      ...(write.deletes ? { headers: deletion() } : {}),
    });
    sent.catch(() => undefined);
    return (await Promise.race([sent, lost.happened])).seq;
  } finally {
    lost.forget();
  }
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
