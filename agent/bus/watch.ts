import { jetstream } from '@nats-io/jetstream';
import { Kvm, type KvWatchEntry } from '@nats-io/kv';
import type { QueuedIterator } from '@nats-io/transport-node';
import { GodwitError } from '../../protocol/mod.ts';
import type { Stoppable } from './bus.ts';
import type { Link } from './link.ts';

/** Between two tries to watch again after the watch broke. */
const AGAIN_MS = 500;

/**
 * Calls `changed` with the key's present value and with later ones, the last of all in any case; one that is overwritten at once may be
 * left out. Undefined: it is not there (any more).
 */
export async function watchRecord(
  link: Link,
  bucket: string,
  key: string,
  changed: (entry: KvWatchEntry | undefined) => void,
): Promise<Stoppable> {
  const stopped = new AbortController();
  let lastRevision = -1;
  const tell = (entry: KvWatchEntry) => {
    if (entry.revision <= lastRevision) return;
    lastRevision = entry.revision;
    changed(entry.operation === 'PUT' ? entry : undefined);
  };

  let entries = await open(link, bucket, key);
  if (entries.absent) changed(undefined);
  const follow = async () => {
    while (!stopped.signal.aborted) {
      try {
        for await (const entry of entries.iterator) tell(entry);
        if (stopped.signal.aborted) return;
        await link.clock.sleep(AGAIN_MS, stopped.signal);
        entries = await open(link, bucket, key);
      } catch (error) {
        if (stopped.signal.aborted) return;
        link.log.debug({ key, err: error }, 'the watch of a record is opened again');
      }
    }
  };
  const ended = follow();
  return {
    stop: async () => {
      stopped.abort();
      entries.iterator.stop();
      await ended;
    },
  };
}

async function open(
  link: Link,
  bucket: string,
  key: string,
): Promise<{ iterator: QueuedIterator<KvWatchEntry>; absent: boolean }> {
  try {
    const kv = await new Kvm(jetstream(link.nc)).open(bucket, { allow_direct: false });
    const absent = (await kv.get(key)) === null;
    return { iterator: await kv.watch({ key }), absent };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new GodwitError('STORE_UNAVAILABLE', { problem }, { cause: error });
  }
}
