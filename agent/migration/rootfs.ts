import { copiedDirs } from '../../protocol/domain/mod.ts';
import type { DomainSpec } from '../../protocol/mod.ts';
import type { Rootfs } from '../rootfs/mod.ts';

/** One directory that moves with its container, and what becomes of it where it was. */
export interface CopiedTree extends Rootfs {
  readonly left: 'keep' | 'delete';
}

/** The root file system and the volumes that move with their container, in an order that both ends agree on. */
export function copiedTrees(spec: DomainSpec): CopiedTree[] {
  const { name, uuid } = spec;
  return copiedDirs(spec).map(({ root, left }) => ({ name, uuid, root, left }));
}
