import type { NodeInfo } from '../../protocol/messages/node.ts';
import { toToken } from '../../protocol/names.ts';
import type { Session } from './session.ts';

/** More keys without a container than this are not looked at: the pause of the answers tells as well. */
const LOOKED_AT = 16;

/**
 * Nobody knows how many nodes there are, but the records know the containers: answers that tell of each one are complete, and
 * there is no need to wait for more. What keeps a container without an owner, or records that cannot be read, never is.
 */
export function allRecorded({ cluster, nats, subjects }: Session) {
  const stream = `KV_${subjects.recordBucket}`;
  const prefix = `$KV.${subjects.recordBucket}.`;
  const ask = async (verb: string, body: unknown): Promise<StoreReply> =>
    (await nats.request(`$JS.API.STREAM.${verb}.${stream}`, JSON.stringify(body))).json();
  const recorded = ask('INFO', { subjects_filter: `${prefix}>` }).then(({ state }) => {
    const keys = Object.keys(state?.subjects ?? {});
    if ((state?.num_subjects ?? 0) !== keys.length)
      throw new Error(`the records of ${cluster} are not all told`);
    return new Set(keys);
  });
  recorded.catch(() => undefined);

  /** An undefined container leaves a mark in its record's place. */
  const lookAt = async (key: string): Promise<boolean> => {
    const { message, error } = await ask('MSG.GET', { last_by_subj: key });
    return error?.code === 404 || Buffer.from(message?.hdrs ?? '', 'base64').includes('KV-Operation');
  };
  const looked = new Map<string, Promise<boolean>>();
  /** Each answer of a node asks about what is still missing: the store is asked once. */
  const isMark = (key: string): Promise<boolean> => {
    const found = looked.get(key) ?? lookAt(key);
    looked.set(key, found);
    return found;
  };

  return async (replies: readonly NodeInfo[]): Promise<boolean> => {
    const missing = await recorded;
    for (const { containers } of replies)
      for (const { name } of containers) missing.delete(prefix + toToken(name));
    if (missing.size > LOOKED_AT) return false;
    for (const key of await keep([...missing], isMark)) missing.delete(key);
    return missing.size === 0;
  };
}

/** What this reads of JetStream's answers. */
interface StoreReply {
  readonly state?: { readonly num_subjects?: number; readonly subjects?: Readonly<Record<string, number>> };
  readonly message?: { readonly hdrs?: string };
  readonly error?: { readonly code?: number };
}

async function keep(keys: readonly string[], which: (key: string) => Promise<boolean>): Promise<string[]> {
  const kept = await Promise.all(keys.map(which));
  return keys.filter((_key, index) => kept[index]);
}
