import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { LIMITS, type LowerOutline } from '../../protocol/mod.ts';
import type { Clock } from '../effects/clock.ts';
import type { Runner } from '../effects/runner.ts';
import { listTree, parseListing } from './listing.ts';
import { contentWords, knownList, nameOf } from './lower.ts';

/** For all that a container lies over, together: what takes longer is only compared in the move itself. */
const LOOK_MS = 5_000;
/** Entries or directories that are taken apart in one go. */
const SLICE = 1_000;
/** Some two hundred thousand entries. */
const MOST_BYTES = 32 * 1024 * 1024;
/** Looks that are remembered, as images are. */
const REMEMBERED = 16;
/** Hexadecimal digits that tell the entries of one directory from those of another. */
const MARK = 8;

/** All of a lower directory but the contents of its files. */
export interface TreeLook {
  readonly digest: string;
  /** By path below the root, as latin1: of the entries right in it. */
  readonly marks: ReadonlyMap<string, string>;
  /** Of the whole list of hashes, when a move has read the contents and nothing has changed since. */
  readonly contents?: string;
}

const known = new Map<string, { readonly state: string; readonly look: TreeLook }>();

/**
 * Looks over directories without reading a file, by their paths; left out is what cannot be looked at, or not in time: the move itself
 * says that.
 */
export async function lookOver(
  { runner, clock, runDir }: { readonly runner: Runner; readonly clock: Clock; readonly runDir: string },
  roots: readonly string[],
): Promise<ReadonlyMap<string, TreeLook>> {
  const found = new Map<string, TreeLook>();
  if (roots.length === 0) return found;
  const signal = AbortSignal.timeout(LOOK_MS);
  const dir = await mkdtemp(join(runDir, 'outline-')).catch(() => undefined);
  if (dir === undefined) return found;
  try {
    for (const root of roots) {
      const file = join(dir, 'list');
      const list = listTree({ runner, clock, root, file, signal });
      const look = await list.then((bytes) => lookAt(root, bytes)).catch(() => undefined);
      if (look) found.set(root, look);
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
  return found;
}

/** Taking a list apart takes longer than writing it. Undefined: it is too long. */
async function lookAt(root: string, list: Buffer): Promise<TreeLook | undefined> {
  if (list.length > MOST_BYTES) return undefined;
  const state = createHash('sha256').update(list).digest('hex');
  const before = known.get(root);
  const look = before?.state === state ? before.look : await lookOf(list);
  known.delete(root);
  known.set(root, { state, look });
  for (const [oldest] of known) if (known.size > REMEMBERED) known.delete(oldest);
  const contents = knownList(root, state);
  return contents ? { ...look, contents: createHash('sha256').update(contents).digest('hex') } : look;
}

/** In slices: other moves of this node, whose containers may stand still, do not wait for it. */
async function lookOf(list: Buffer): Promise<TreeLook> {
  const directories = new Map<string, string[]>();
  for (const slice of slicesOf(list)) {
    for (const [path, entry] of parseListing(slice, 0).entries) {
      const dir = path.slice(0, Math.max(0, path.lastIndexOf('/')));
      const lines = directories.get(dir) ?? [];
      lines.push(`${path}\0${contentWords(entry)}\0`);
      directories.set(dir, lines);
    }
    await setImmediate();
  }
  const marks = new Map<string, string>();
  const whole = createHash('sha256');
  for (const dir of [...directories.keys()].sort()) {
    const lines = directories.get(dir)?.sort().join('') ?? '';
    const digest = createHash('sha256').update(lines, 'latin1').digest('hex');
    whole.update(digest);
    marks.set(dir, digest.slice(0, MARK));
    if (marks.size % SLICE === 0) await setImmediate();
  }
  return { digest: whole.digest('hex'), marks };
}

/** Whole entries, each of two words with a NUL byte at their end. */
function* slicesOf(list: Buffer): Generator<Buffer> {
  for (let from = 0, to = 0; from < list.length; from = to) {
    for (let word = 0; word < 2 * SLICE && to < list.length; word += 1) {
      const end = list.indexOf(0, to);
      to = end < 0 ? list.length : end + 1;
    }
    yield list.subarray(from, to);
  }
}

/** What the target is told of looks. Directories are told apart as long as there are not too many. */
export function outlinesOf(looks: ReadonlyMap<string, TreeLook>): Record<string, LowerOutline> {
  const most = LIMITS.lowerDirectories / Math.max(1, looks.size);
  const outlines = [...looks].map(([root, { digest, marks, contents }]) => {
    const directories = marks.size > most ? '' : [...marks.values()].join('');
    return [root, { digest, directories, ...(contents === undefined ? {} : { contents }) }] as const;
  });
  return Object.fromEntries(outlines);
}

/** Why two directories cannot be the same, in words for each place; empty when only their contents can tell. Pure. */
export function outlineDifference(theirs: LowerOutline, ours: TreeLook): string[] {
  if (theirs.digest === ours.digest) {
    const told = theirs.contents !== undefined && ours.contents !== undefined;
    return told && theirs.contents !== ours.contents ? ['files with other contents'] : [];
  }
  const there = new Set(theirs.directories.match(/.{8}/g));
  const others = there.size === 0 ? [] : [...ours.marks].filter(([, mark]) => !there.has(mark));
  const places = others.map(
    ([dir]) => `other entries in ${dir === '' ? 'the directory itself' : nameOf(dir)}`,
  );
  return places.length > 0 ? places : ['other entries'];
}
