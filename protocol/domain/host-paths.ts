import type { DomainSpec } from './spec.ts';

/** Paths of the host, other than the root, that must be there on each node that runs the container. */
export function hostPaths(
  spec: Pick<DomainSpec, 'filesystems' | 'hostdevs' | 'includes' | 'blkiotune' | 'policy'>,
): string[] {
  return [
    ...(spec.policy.lower ?? []),
    ...spec.filesystems.flatMap((filesystem) => (filesystem.type === 'mount' ? filesystem.source : [])),
    ...(spec.hostdevs ?? []).map(({ path }) => path),
    ...(spec.includes ?? []),
    ...(spec.blkiotune?.devices ?? []).map(({ path }) => path),
  ];
}
