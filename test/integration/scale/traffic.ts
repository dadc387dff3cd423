import { connect } from '@nats-io/transport-node';

/** Messages of one kind, as they were published. */
export interface Traffic {
  readonly kind: string;
  readonly messages: number;
  /** Subjects and payloads together. */
  readonly bytes: number;
}

export interface TrafficMeter extends AsyncDisposable {
  /** What has come since the last time, the most frequent kind first. */
  take(): Traffic[];
}

/** Counts every message on a bus. */
export async function meterTraffic(url: string): Promise<TrafficMeter> {
  const connection = await connect({ servers: url });
  let counts = new Map<string, { messages: number; bytes: number }>();
  connection.subscribe('>', {
    callback: (_error, { subject, data }) => {
      const kind = kindOf(subject);
      const count = counts.get(kind) ?? { messages: 0, bytes: 0 };
      count.messages += 1;
      count.bytes += subject.length + data.length;
      counts.set(kind, count);
    },
  });
  await connection.flush();
  return {
    take: () => {
      const taken = [...counts].map(([kind, count]) => ({ kind, ...count }));
      counts = new Map();
      return taken.sort((a, b) => b.messages - a.messages || (a.kind < b.kind ? -1 : 1));
    },
    [Symbol.asyncDispose]: () => connection.close(),
  };
}

/** `announce`, `node prepare`, `event job`, …; answers go to inboxes. */
function kindOf(subject: string): string {
  const [root = '', , , topic = '', , verb = ''] = subject.split('.');
  if (root === '_INBOX' || root.startsWith('_INBOX')) return 'answers';
  if (root === '$KV') return 'records and leases';
  if (root.startsWith('$')) return 'JetStream, services';
  if (root !== 'godwit') return 'answers';
  if (topic === 'event') return `event ${subject.split('.')[4]}`;
  return ['node', 'container', 'job'].includes(topic) ? `${topic} ${verb}` : topic;
}
