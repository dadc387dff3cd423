import {
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { GodwitError, LIMITS, type Subjects } from '../../protocol/mod.ts';
import type { Link } from './link.ts';

/** One try of a JetStream call: without a leader no answer comes at all, so the first tries are short. */
const TRY_MS = { first: 250, most: 2_000 };
const BACKOFF_MS = { first: 25, most: 1_000 };
/** JetStream's error code for "this stream exists with another configuration". */
const STREAM_EXISTS = 10_058;

/** Where records and events are kept, made when first needed. */
export interface Stores {
  /**
   * Resolves when the record bucket and the event stream are there.
   * @throws GodwitError STORE_UNAVAILABLE after `deadlineMs`; the work goes on in the background
   */
  ready(deadlineMs: number): Promise<void>;
  stop(): void;
}

/** Starts to make the stores; a cluster that has no JetStream leader yet is asked again until it has one. */
export function openStores(link: Link, subjects: Subjects, replicas: number): Stores {
  const stopped = new AbortController();
  let problem = 'JetStream has no leader yet';
  const made = makeStores(link, subjects, replicas, stopped.signal, (why) => {
    problem = why;
  });
  made.catch(() => undefined);
  return {
    ready: async (deadlineMs) => {
      const late = new AbortController();
      const expired = link.clock.sleep(deadlineMs, late.signal).then(() => {
        throw new GodwitError('STORE_UNAVAILABLE', { problem });
      });
      expired.catch(() => undefined);
      await Promise.race([made, expired]).finally(() => late.abort());
    },
    stop: () => stopped.abort(new GodwitError('STORE_UNAVAILABLE', { problem: 'the agent stops' })),
  };
}

/** The stream behind the record bucket: what NATS' key-value store wants, one value a key. */
export function recordStreamConfig(subjects: Subjects, replicas: number) {
  return {
    name: `KV_${subjects.recordBucket}`,
    subjects: [`$KV.${subjects.recordBucket}.>`],
    storage: StorageType.File,
    num_replicas: replicas,
    max_msgs_per_subject: 1,
    max_msg_size: LIMITS.messageBytes,
    max_bytes: LIMITS.recordStoreBytes,
    discard: DiscardPolicy.New,
    allow_rollup_hdrs: true,
    deny_delete: true,
    // Reads go to the leader: a replica may be behind.
    allow_direct: false,
  } satisfies Partial<StreamConfig> & { name: string };
}

/** The stream that keeps events: bounded by age and bytes, the oldest go first. */
export function eventStreamConfig(subjects: Subjects, replicas: number) {
  return {
    name: subjects.eventStream,
    subjects: [subjects.eventAll],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    num_replicas: replicas,
    max_age: nanos(LIMITS.eventAgeMs),
    max_bytes: LIMITS.eventStoreBytes,
    max_msg_size: LIMITS.messageBytes,
    discard: DiscardPolicy.Old,
    allow_direct: true,
  } satisfies Partial<StreamConfig> & { name: string };
}

async function makeStores(
  link: Link,
  subjects: Subjects,
  replicas: number,
  signal: AbortSignal,
  tell: (problem: string) => void,
): Promise<void> {
  const configs = [recordStreamConfig(subjects, replicas), eventStreamConfig(subjects, replicas)];
  let tryMs = TRY_MS.first;
  for (let waitMs = BACKOFF_MS.first; ; waitMs = Math.min(waitMs * 2, BACKOFF_MS.most)) {
    try {
      const manager = await jetstreamManager(link.nc, { checkAPI: false, timeout: tryMs });
      await Promise.all(configs.map((config) => ensureStream(manager, config)));
      return;
    } catch (error) {
      signal.throwIfAborted();
      const problem = error instanceof Error ? error.message : String(error);
      tell(problem);
      link.log.debug({ problem }, 'the record stores are not there yet');
    }
    tryMs = Math.min(tryMs * 2, TRY_MS.most);
    await link.clock.sleep(waitMs, signal);
  }
}

/** Makes the stream, or raises its copies when the cluster has grown; other differences are the operator's choice. */
async function ensureStream(
  manager: JetStreamManager,
  config: Partial<StreamConfig> & { name: string; num_replicas: number },
): Promise<void> {
  try {
    await manager.streams.add(config);
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== STREAM_EXISTS) throw error;
    const present = (await manager.streams.info(config.name)).config;
    if (present.num_replicas < config.num_replicas)
      await manager.streams.update(config.name, { ...present, num_replicas: config.num_replicas });
  }
}
