import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { type GodwitError, toGodwitError } from '../../protocol/errors.ts';

/** All readable answers to a question to everybody, and what was wrong with the others. */
export interface Gathered<Reply> {
  readonly replies: readonly Reply[];
  readonly problems: readonly GodwitError[];
}

/** The gather ends when no reply came for this long after the last one. */
const STALL_MIN_MS = 100;
const STALL_MAX_MS = 500;

/**
 * Publishes one question and collects the answers. It ends when `enough` came, when they are `whole` (asked after each
 * one), when replies stop coming (a pause of four times the first answer's delay, within bounds; not for the `patient`), or
 * after `maxWaitMs`.
 * @throws NoRespondersError (an Error of that name) when nobody listens
 */
export function gatherReplies<Reply>(
  connection: NatsConnection,
  inbox: string,
  question: {
    readonly subject: string;
    readonly payload: Uint8Array;
    readonly decode: (message: Msg) => Reply;
    readonly maxWaitMs: number;
    readonly enough: number;
    readonly whole?: (replies: readonly Reply[]) => Promise<boolean>;
    /** Nobody may be missing: a node under load answers long after the idle ones. */
    readonly patient?: boolean;
  },
): Promise<Gathered<Reply>> {
  const replies: Reply[] = [];
  const problems: GodwitError[] = [];
  const askedAt = performance.now();
  let stallMs: number | undefined;
  let stall: NodeJS.Timeout | undefined;

  return new Promise((resolve, reject) => {
    const total = setTimeout(finish, question.maxWaitMs);
    const subscription = connection.subscribe(inbox, { callback: received });
    connection.publish(question.subject, question.payload, { reply: inbox });

    function received(error: Error | null, message: Msg): void {
      if (error !== null) {
        finish(error);
        return;
      }
      if (message.data.length === 0 && message.headers?.code === 503) {
        finish(Object.assign(new Error('nobody listens'), { name: 'NoRespondersError' }));
        return;
      }
      try {
        replies.push(question.decode(message));
      } catch (problem) {
        problems.push(toGodwitError(problem));
      }
      if (replies.length + problems.length >= question.enough) {
        finish();
        return;
      }
      question.whole?.(replies).then(
        (whole) => whole && finish(),
        () => undefined, // Then the pause tells.
      );
      if (question.patient) return;
      stallMs ??= Math.min(Math.max(4 * (performance.now() - askedAt), STALL_MIN_MS), STALL_MAX_MS);
      clearTimeout(stall);
      stall = setTimeout(finish, stallMs);
    }

    function finish(error?: Error): void {
      clearTimeout(total);
      clearTimeout(stall);
      subscription.unsubscribe();
      if (error instanceof Error) reject(error);
      else resolve({ replies, problems });
    }
  });
}
