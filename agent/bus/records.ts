import { type JetStreamManager, jetstreamManager, type StoredMsg } from '@nats-io/jetstream';
import { ContainerRecord, GodwitError, LIMITS, type Subjects, toToken } from '../../protocol/mod.ts';
import { encodeBody } from './body.ts';
import type { CasResult, Records, Versioned } from './bus.ts';
import { compareAndSwap } from './cas.ts';
import { type Link, maxBytes } from './link.ts';
import type { Stores } from './stores.ts';
import { watchRecord } from './watch.ts';

/** Records read at once while listing. */
const READS_AT_ONCE = 32;

export interface RecordsOptions {
  readonly link: Link;
  readonly subjects: Subjects;
  readonly stores: Stores;
  readonly writeMs: number;
}

/** Container records in a NATS key-value bucket; every read asks the bucket's leader. */
export function createRecords(options: RecordsOptions): Records {
  const { link, subjects, stores, writeMs } = options;
  const bucket: Bucket = {
    link,
    stream: `KV_${subjects.recordBucket}`,
    prefix: `$KV.${subjects.recordBucket}.`,
  };
  const write = async (
    name: string,
    data: Uint8Array,
    revision: number,
    { deletes = false, patienceMs = writeMs } = {},
  ) => {
    await stores.ready(patienceMs);
    const subject = bucket.prefix + toToken(name);
    return await compareAndSwap(link, { subject, data, revision, deletes }, patienceMs);
  };
  return {
    get: async (name) => {
      await stores.ready(LIMITS.requestMs);
      const message = await readLast(bucket, bucket.prefix + toToken(name));
      return message && !isDeletion(message)
        ? versioned(message.data, message.seq, message.subject)
        : undefined;
    },
    list: async () => {
      await stores.ready(LIMITS.requestMs);
      return await listRecords(bucket);
    },
    create: async (record) => {
      const data = encodeBody(record, maxBytes(link));
      const first = await write(record.name, data, 0);
      return first.status === 'conflict'
        ? await createAfterDeletion(bucket, record.name, data, write)
        : first;
    },
    update: async (record, revision, patienceMs = writeMs) =>
      await write(record.name, encodeBody(record, maxBytes(link)), revision, { patienceMs }),
    remove: async (name, revision) => await write(name, new Uint8Array(), revision, { deletes: true }),
    watch: async (name, changed) => {
      await stores.ready(LIMITS.requestMs);
      return await watchRecord(link, subjects.recordBucket, toToken(name), (entry) =>
        changed(entry ? versionedOrLog(link, entry.value, entry.revision, name) : undefined),
      );
    },
  };
}

interface Bucket {
  readonly link: Link;
  readonly stream: string;
  readonly prefix: string;
}

/** A deleted key still has a last message, the deletion mark: a new record goes on top of exactly that. */
async function createAfterDeletion(
  bucket: Bucket,
  name: string,
  data: Uint8Array,
  write: (name: string, data: Uint8Array, revision: number) => Promise<CasResult>,
): Promise<CasResult> {
  const last = await readLast(bucket, bucket.prefix + toToken(name));
  if (last && !isDeletion(last)) return { status: 'conflict' };
  return await write(name, data, last?.seq ?? 0);
}

async function listRecords(bucket: Bucket): Promise<Versioned[]> {
  const subjects = await onStore(bucket.link, async (manager) => {
    const info = await manager.streams.info(bucket.stream, { subjects_filter: `${bucket.prefix}>` });
    return Object.keys(info.state.subjects ?? {}).sort();
  });
  const records: Versioned[] = [];
  for (let at = 0; at < subjects.length; at += READS_AT_ONCE) {
    const messages = await Promise.all(
      subjects.slice(at, at + READS_AT_ONCE).map((subject) => readLast(bucket, subject)),
    );
    for (const message of messages) {
      if (!message || isDeletion(message)) continue;
      const read = versionedOrLog(bucket.link, message.data, message.seq, message.subject);
      if (read) records.push(read);
    }
  }
  return records;
}

async function readLast(bucket: Bucket, subject: string): Promise<StoredMsg | undefined> {
  return await onStore(
    bucket.link,
    async (manager) =>
      (await manager.streams.getMessage(bucket.stream, { last_by_subj: subject })) ?? undefined,
  );
}

async function onStore<T>(link: Link, act: (manager: JetStreamManager) => Promise<T>): Promise<T> {
  try {
    return await act(await jetstreamManager(link.nc, { checkAPI: false, timeout: LIMITS.requestMs }));
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new GodwitError('STORE_UNAVAILABLE', { problem }, { cause: error });
  }
}

function isDeletion(message: StoredMsg): boolean {
  return message.header?.has('KV-Operation') ?? false;
}

/** @throws GodwitError STORE_UNAVAILABLE for a value that is no record: it must not pass for "no record" */
function versioned(data: Uint8Array, revision: number, where: string): Versioned {
  try {
    const record = ContainerRecord.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data)));
    return { record, revision };
  } catch (error) {
    const problem = `the record in ${where} cannot be read (revision ${revision})`;
    throw new GodwitError('STORE_UNAVAILABLE', { problem }, { cause: error });
  }
}

function versionedOrLog(
  link: Link,
  data: Uint8Array,
  revision: number,
  where: string,
): Versioned | undefined {
  try {
    return versioned(data, revision, where);
  } catch (error) {
    link.counters.malformed += 1;
    link.log.error({ err: error }, 'a record was left out');
    return undefined;
  }
}
