import { copiedDirs, hostPaths } from '../../protocol/domain/mod.ts';
import type { DomainSpec } from '../../protocol/mod.ts';
import { keptAt } from '../rootfs/mod.ts';
import type { PlaceFacts } from './facts.ts';

/**
 * Names of the other containers that use a directory which is to be copied, or the place beside it where its copy is kept:
 * something in it, or what it lies in. What another one keeps for its return counts, too. Pure.
 */
export function usersOf(
  dir: string,
  { name }: Pick<DomainSpec, 'name'>,
  containers: readonly DomainSpec[],
): string[] {
  const ours = [dir, keptAt(dir)];
  return containers.flatMap((other) =>
    other.name !== name && pathsOf(other).some((path) => ours.some((one) => overlap(one, path)))
      ? other.name
      : [],
  );
}

/** The places as they are once containers that arrive just now are counted among those who use them. Pure. */
export function withArrivals(
  places: readonly PlaceFacts[],
  spec: Pick<DomainSpec, 'name'>,
  arriving: readonly DomainSpec[],
): PlaceFacts[] {
  return places.map((place) =>
    usersOf(place.root, spec, arriving).length > 0 ? { ...place, room: 'taken' } : place,
  );
}

function pathsOf(spec: DomainSpec): string[] {
  return [spec.root.source, ...hostPaths(spec), ...copiedDirs(spec).map(({ root }) => keptAt(root))];
}

function overlap(one: string, other: string): boolean {
  return one === other || one.startsWith(`${other}/`) || other.startsWith(`${one}/`);
}
