import { createInbox } from '@nats-io/transport-node';
import { LIMITS } from '../../protocol/mod.ts';
import { encodeBody } from './body.ts';
import { readReply } from './error-reply.ts';
import { type Link, maxBytes } from './link.ts';
import { isNoRespondersReply } from './request.ts';

/** How long to wait, and when enough answers have come. */
export interface GatherOptions {
  readonly maxWaitMs: number;
  readonly stallMs?: number;
  readonly enough?: (replies: readonly unknown[]) => boolean;
}

/** Bus.gather: answers in the order they came; those that are errors or not JSON are logged and left out. */
export function gather(
  link: Link,
  subject: string,
  body: unknown,
  options: GatherOptions,
): Promise<unknown[]> {
  const data = encodeBody(body, maxBytes(link));
  const inbox = createInbox(link.inboxPrefix);
  const replies: unknown[] = [];
  return new Promise((resolve, reject) => {
    const finish = () => {
      cancel();
      cancelStall();
      subscription.unsubscribe();
      resolve(replies);
    };
    let cancelStall = () => {};
    const cancel = link.clock.after(options.maxWaitMs, finish);
    const subscription = link.nc.subscribe(inbox, {
      callback: (error, message) => {
        if (error) {
          cancel();
          cancelStall();
          reject(error);
          return;
        }
        if (isNoRespondersReply(message)) return finish();
        try {
          replies.push(readReply(message, subject));
        } catch (problem) {
          link.log.debug({ subject, err: problem }, 'an answer was left out');
          return;
        }
        if (replies.length >= LIMITS.gatherReplies || options.enough?.(replies) === true) return finish();
        if (options.stallMs === undefined) return;
        cancelStall();
        cancelStall = link.clock.after(options.stallMs, finish);
      },
    });
    link.nc.publish(subject, data, { reply: inbox });
  });
}
