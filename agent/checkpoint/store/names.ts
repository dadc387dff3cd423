import { isToken } from '../../../protocol/mod.ts';

/** What stands in a store beside whole checkpoints; names of containers and checkpoints never begin with a dot. */
const BEING_MADE = '.new-';
const BEING_DELETED = '.old-';
const SEPARATOR = '+';

/** An id that sorts by time, unique in all stores: `20261130-062233-k3v9qa`. */
export function newCheckpointId(nowMs: number, chance: string): string {
  const [date = '', time = ''] = new Date(nowMs).toISOString().split(/[T.]/);
  return `${date.replaceAll('-', '')}-${time.replaceAll(':', '')}-${chance.slice(0, 6)}`;
}

/** True for a name that a whole checkpoint may have. */
export function isCheckpointId(name: string): boolean {
  return isToken(name);
}

/** Where a job of a node writes, until the checkpoint is whole. */
export function makingName(node: string, job: string): string {
  return `${BEING_MADE}${node}${SEPARATOR}${job}`;
}

/** What a checkpoint is called while it is deleted. */
export function deletingName(id: string, chance: string): string {
  return `${BEING_DELETED}${id}${SEPARATOR}${chance}`;
}

/** What a directory of a store is; undefined for what is none of godwit's. */
export function kindOf(
  name: string,
):
  | { readonly kind: 'whole' }
  | { readonly kind: 'making'; readonly node: string; readonly job: string }
  | { readonly kind: 'deleting' }
  | undefined {
  if (name.startsWith(BEING_DELETED)) return { kind: 'deleting' };
  if (isCheckpointId(name)) return { kind: 'whole' };
  if (!name.startsWith(BEING_MADE)) return undefined;
  const [node = '', job = ''] = name.slice(BEING_MADE.length).split(SEPARATOR);
  return { kind: 'making', node, job };
}
