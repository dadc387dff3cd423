import { lstat, mkdir, rename, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type DomainSpec, GodwitError } from '../../../protocol/mod.ts';
import { hasCode, hostFailed } from '../../host/failure.ts';
import type { Agent } from '../../migration/agent.ts';
import { type CopiedTree, copiedTrees } from '../../migration/rootfs.ts';
import {
  differenceOf,
  isFilled,
  type Listing,
  listTree,
  parseListing,
  removeTree,
  syncTree,
} from '../../rootfs/mod.ts';
import type { CompressOptions } from '../store/compress.ts';
import { sync } from '../store/files.ts';
import type { KeptTree } from '../store/manifest.ts';
import type { CheckpointStore, Found } from '../store/store.ts';
import { replacedAt } from './replaced.ts';

/** A directory that comes back, what lay there before, and where both are meanwhile: beside it, so that they change places by a rename. */
interface Place {
  readonly tree: CopiedTree;
  readonly fresh: string;
  readonly before: string;
}

type Host = Pick<Agent, 'runner' | 'clock'>;

/** The mode of an empty directory which says that nothing lay in the place: one that somebody made there comes back. */
const NONE = 0;

function placesOf(spec: DomainSpec, job: string): Place[] {
  return copiedTrees(spec).map((tree) => ({
    tree,
    fresh: `${tree.root}.new-${job}`,
    before: `${tree.root}.before-${job}`,
  }));
}

/**
 * Brings the directories of a checkpoint back beside those that are there, and compares each with the list of what it was. Resolves when they
 * are on the disk. @throws GodwitError CHECKPOINT_DAMAGED, HOST_FAILED
 */
export async function unpackTrees(
  host: Host,
  { store, found, spec, job }: { store: CheckpointStore; found: Found; spec: DomainSpec; job: string },
  dir: string,
  options: CompressOptions,
): Promise<void> {
  const { id, trees } = found.manifest;
  for (const [at, { fresh }] of placesOf(spec, job).entries()) {
    const kept = trees[at];
    if (!kept) throw new GodwitError('INTERNAL', { problem: `there is no tree ${at} in ${id}` });
    await making(fresh, () => mkdir(fresh, { recursive: true, mode: 0o755 }));
    await store.unpackTree(found, kept, fresh, options);
    const wanted = await store.readFile(found, kept.listing, join(dir, 'wanted'), options);
    await compare(host, { id, kept, fresh, wanted, dir }, options);
    await syncTree(host.runner, fresh);
  }
}

/**
 * What was unpacked takes the place of what is there, on the disk when it resolves. Cut off, it is for one of the two below.
 * @throws GodwitError HOST_FAILED
 */
export async function swapTrees(spec: DomainSpec, job: string): Promise<void> {
  for (const place of placesOf(spec, job)) await swap(place);
}

/**
 * Everything is where it was, however far it came; what was unpacked goes last, for that may take long, and fail. Safe to repeat.
 * @throws GodwitError HOST_FAILED
 */
export async function takeTreesBack({ runner }: Host, spec: DomainSpec, job: string): Promise<void> {
  const places = placesOf(spec, job).toReversed();
  for (const { tree, fresh, before } of places) {
    if (!(await isThere(before))) continue;
    await making(tree.root, async () => {
      if (await isThere(tree.root)) await rename(tree.root, fresh);
      if (await saysNone(before)) await rmdir(before);
      else await rename(before, tree.root);
      await sync(dirname(tree.root));
    });
  }
  for (const { fresh } of places) await removeTree(runner, fresh);
}

/** Whether something is still to be put back where it was. @throws GodwitError HOST_FAILED */
export async function areSwapped(spec: DomainSpec, job: string): Promise<boolean> {
  for (const { before } of placesOf(spec, job)) if (await isThere(before)) return true;
  return false;
}

/** The container runs with them: what lay there before is left as the policy says. Safe to repeat. @throws GodwitError HOST_FAILED */
export async function settleTrees({ runner }: Host, spec: DomainSpec, job: string): Promise<void> {
  for (const place of placesOf(spec, job)) {
    const { tree, fresh, before } = place;
    if (await isThere(fresh)) await swap(place);
    if (!(await isThere(before))) continue;
    if (tree.left === 'delete' || !(await isFilled(before))) await removeTree(runner, before);
    else await making(replacedAt(tree.root, job), () => rename(before, replacedAt(tree.root, job)));
  }
}

/** Goes on where it was cut off. */
async function swap({ tree: { root }, fresh, before }: Place): Promise<void> {
  await making(root, async () => {
    if (!(await isThere(before))) {
      await mkdir(dirname(root), { recursive: true, mode: 0o755 });
      if (await isThere(root)) await rename(root, before);
      else await mkdir(before, { mode: NONE });
    }
    await rename(fresh, root);
    await sync(dirname(root));
  });
}

async function compare(
  { runner, clock }: Host,
  of: { id: string; kept: KeptTree; fresh: string; wanted: Buffer; dir: string },
  { signal }: CompressOptions,
): Promise<void> {
  const { id, kept, fresh, wanted, dir } = of;
  const own = await listTree({ runner, clock, root: fresh, file: join(dir, 'listing'), signal });
  const problem = differenceOf(withoutSockets(parseListing(wanted, 0)), parseListing(own, 0));
  if (problem !== undefined)
    throw new GodwitError('CHECKPOINT_DAMAGED', { checkpoint: id, file: kept.archive.kept, problem });
}

function withoutSockets({ entries, ...rest }: Listing): Listing {
  return { ...rest, entries: new Map([...entries].filter(([, { kind }]) => kind !== 's')) };
}

async function saysNone(before: string): Promise<boolean> {
  return ((await lstat(before)).mode & 0o7777) === NONE && !(await isFilled(before));
}

function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    (error: unknown) => {
      if (hasCode(error, 'ENOENT')) return false;
      throw hostFailed(`looking at ${path}`, error);
    },
  );
}

async function making(path: string, action: () => Promise<unknown>): Promise<void> {
  try {
    await action();
  } catch (error) {
    throw hostFailed(`making ${path}`, error);
  }
}
