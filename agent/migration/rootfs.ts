import type { DomainSpec } from '../../protocol/mod.ts';
import type { Rootfs } from '../rootfs/mod.ts';

/** A root file system that moves with its container; undefined where both nodes see the same one. */
export function copiedRootfs({ name, uuid, root, policy }: DomainSpec): Rootfs | undefined {
  return policy.rootfs === 'copy' ? { name, uuid, root: root.source } : undefined;
}
