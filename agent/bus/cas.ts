import { JetStreamApiError, jetstream } from '@nats-io/jetstream';
import { headers, InvalidArgumentError, PermissionViolationError } from '@nats-io/transport-node';
import { GodwitError, LIMITS } from '../../protocol/mod.ts';
import type { CasResult } from './bus.ts';
import type { Link } from './link.ts';
import { isNoResponders } from './request.ts';

/** JetStream's "wrong last sequence", for a settled and for a still replicating write. */
const CONFLICTS = new Set([10_071, 10_164]);

/** One write under a condition: the subject's last message has this sequence (0: there is none). */
export interface Write {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly revision: number;
  /** The value is a deletion mark. */
  readonly deletes?: boolean;
}

/**
 * Writes if nobody else has. Only an answer that never came makes the outcome unknown: a refusal is a refusal.
 * @throws GodwitError STORE_UNAVAILABLE, NOT_ALLOWED: nothing was written
 */
export async function compareAndSwap(
  link: Link,
  write: Write,
  timeoutMs: number = LIMITS.requestMs,
): Promise<CasResult> {
  if (!link.connected())
    throw new GodwitError('STORE_UNAVAILABLE', { problem: 'the connection to NATS is down' });
  const lost = lossOf(link);
  try {
    const sent = jetstream(link.nc).publish(write.subject, write.data, {
      expect: { lastSubjectSequence: write.revision },
      timeout: timeoutMs,
      ...(write.deletes ? { headers: deletion() } : {}),
    });
    sent.catch(() => undefined);
    const answer = await Promise.race([sent, lost.happened]);
    return { status: 'ok', revision: answer.seq };
  } catch (error) {
    return outcomeOf(error);
  } finally {
    lost.forget();
  }
}

/** What a failed write means for the record. @throws GodwitError when it certainly was not written */
export function outcomeOf(error: unknown): CasResult {
  if (error instanceof JetStreamApiError) {
    if (CONFLICTS.has(error.code)) return { status: 'conflict' };
    throw new GodwitError('STORE_UNAVAILABLE', { problem: error.message }, { cause: error });
  }
  const cause = error instanceof Error && error.cause ? error.cause : error;
  if (isNoResponders(error) || isNoResponders(cause))
    throw new GodwitError('STORE_UNAVAILABLE', { problem: 'JetStream does not answer' }, { cause: error });
  if (cause instanceof PermissionViolationError)
    throw new GodwitError('NOT_ALLOWED', { problem: 'NATS forbids to write records' }, { cause: error });
  if (error instanceof InvalidArgumentError)
    throw new GodwitError('INTERNAL', { problem: error.message }, { cause: error });
  return { status: 'unknown', problem: error instanceof Error ? error.message : String(error) };
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
