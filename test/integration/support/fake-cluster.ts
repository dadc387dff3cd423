import { connect, headers, type Msg, type NatsConnection } from '@nats-io/transport-node';
import {
  EXCHANGES,
  GodwitError,
  type Job,
  type JobEvent,
  type Subjects,
  subjects,
} from '../../../protocol/mod.ts';

/** What a subject answers: a body, an error, raw bytes, or nothing. */
export type Answer = object | GodwitError | Uint8Array | undefined;

/** Scripted agents: each test says what a subject answers; every request is checked against its schema. */
export interface FakeCluster extends AsyncDisposable {
  readonly subjects: Subjects;
  /** Requests as they came. */
  readonly requests: { readonly subject: string; readonly body: unknown }[];
  /** Answers requests on a subject; several answers (of one call) make a gather. Replaces an earlier one. */
  answer(subject: string, ...answers: readonly (Answer | ((body: never) => Answer))[]): Promise<void>;
  /** Nobody listens on it any more. */
  leave(subject: string): Promise<void>;
  publishJob(event: JobEvent['event'], job: Job): Promise<void>;
  publishRaw(subject: string, data: string): Promise<void>;
  readonly nats: NatsConnection;
}

export async function fakeCluster(url: string, cluster = 'lab'): Promise<FakeCluster> {
  const nats = await connect({ servers: url, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
  const words = subjects(cluster);
  const serving = new Map<string, () => void>();
  const requests: { subject: string; body: unknown }[] = [];
  let sequence = 0;
  const leave = async (subject: string) => {
    serving.get(subject)?.();
    serving.delete(subject);
    await nats.flush();
  };
  return {
    nats,
    subjects: words,
    requests,
    leave,
    async answer(subject, ...answers) {
      await leave(subject);
      const subscription = nats.subscribe(subject, {
        callback: (_error, message) => {
          const body = checkedRequest(message);
          requests.push({ subject, body });
          for (const answer of answers) {
            respond(message, typeof answer === 'function' ? answer(body as never) : answer);
          }
        },
      });
      serving.set(subject, () => subscription.unsubscribe());
      await nats.flush();
    },
    async publishJob(event, job) {
      sequence += 1;
      const data: JobEvent = { type: 'io.godwit.v1.event.job', event, job };
      const cloud = {
        specversion: '1.0',
        id: `e${sequence}`,
        source: `${words.prefix}.node.${job.node}`,
        type: data.type,
        time: new Date().toISOString(),
        subject: job.job,
        datacontenttype: 'application/json',
        data,
      };
      nats.publish(words.event('job', job.job), JSON.stringify(cloud));
      await nats.flush();
    },
    async publishRaw(subject, data) {
      nats.publish(subject, data);
      await nats.flush();
    },
    [Symbol.asyncDispose]: () => nats.close(),
  };
}

function respond(message: Msg, answer: Answer): void {
  if (answer === undefined) return;
  if (answer instanceof GodwitError) {
    const head = headers();
    head.set('Nats-Service-Error-Code', String(answer.status));
    head.set('Nats-Service-Error', answer.message.replaceAll(/[^\x20-\x7e]/g, ' '));
    message.respond(JSON.stringify(answer.toWire()), { headers: head });
  } else {
    message.respond(answer instanceof Uint8Array ? answer : JSON.stringify(answer));
  }
}

/** A request the program sent: it must be what the protocol says. */
function checkedRequest(message: Msg): unknown {
  const [family, verb] = [message.subject.split('.')[3], message.subject.split('.').at(-1)];
  const table = EXCHANGES as Readonly<
    Record<string, Readonly<Record<string, { request: { parse(body: unknown): unknown } }>>>
  >;
  const exchange = table[family ?? '']?.[verb ?? ''];
  if (exchange === undefined) throw new Error(`no exchange for ${message.subject}`);
  return exchange.request.parse(JSON.parse(message.string()));
}
