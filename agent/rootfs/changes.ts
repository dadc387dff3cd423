import type { Entry, Listing } from './listing.ts';
import type { MappedFiles } from './mapped.ts';

/** Paths that may differ from what the other end has, by the way they are brought over. */
export interface Changes {
  /** Also those that are gone. A file is built anew beside the old one. */
  readonly plain: readonly string[];
  /** Large files: only their changed blocks are written. */
  readonly inPlace: readonly string[];
}

/** The kernel's clock for files ticks in steps of up to 10 ms: within one, two changes look like one. */
const TICK_MS = 100;
/** Below this a file is written anew as quickly as it is patched. */
const LARGE_BYTES = 1024 * 1024;

/**
 * What may have changed since `before`, which the other end has: a change of anything (content, rights, attributes, names,
 * number of links) sets a file's ctime, which no program can set back. `mapped`: files that are mapped writable and shared,
 * whose ctime tells of the first store into a page only. Pure.
 */
export function changesSince(
  before: Listing,
  now: Listing,
  mapped: MappedFiles = { inodes: new Set(), paths: new Set() },
): Changes {
  const plain: string[] = [];
  const inPlace: string[] = [];
  const quietMs = before.startedAtMs - TICK_MS;
  for (const [path, entry] of now.entries) {
    const old = before.entries.get(path);
    const isMapped = entry.kind === 'f' && (mapped.inodes.has(entry.inode) || mapped.paths.has(`/${path}`));
    if (old && isSame(old, entry, quietMs) && !isMapped) continue;
    (old && canBePatched(old, entry) ? inPlace : plain).push(path);
  }
  for (const path of before.entries.keys()) if (!now.entries.has(path)) plain.push(path);
  return { plain, inPlace };
}

function isSame(old: Entry, entry: Entry, quietMs: number): boolean {
  return (
    old.inode === entry.inode &&
    old.kind === entry.kind &&
    old.changed === entry.changed &&
    Number(entry.changed) * 1_000 < quietMs
  );
}

/** A file of several names is never written in place: at the other end one of them may still be another file's. */
function canBePatched(old: Entry, entry: Entry): boolean {
  const single = [old, entry].every(
    ({ kind, links, size }) => kind === 'f' && links === 1 && size >= LARGE_BYTES,
  );
  return single && old.inode === entry.inode;
}

/** The same, and the root where a file in it is built anew: rsync puts right the times of all directories above one but that. Pure. */
export function withTop({ plain, inPlace }: Changes): Changes {
  const touched = !plain.includes('') && plain.some((path) => !path.includes('/'));
  return { plain: touched ? [...plain, ''] : plain, inPlace };
}

/** The same and all directories. Pure. */
export function withDirectories({ plain, inPlace }: Changes, now: Listing): Changes {
  const dirs = [...now.entries].flatMap(([path, { kind }]) => (kind === 'd' ? path : []));
  return { plain: [...new Set([...plain, ...dirs])], inPlace };
}

/** The first difference between a tree and its copy, in words; undefined when there is none. Pure. */
export function differenceOf(original: Listing, copy: Listing): string | undefined {
  for (const [path, entry] of original.entries) {
    const other = copy.entries.get(path);
    if (!other) return `${nameOf(path)} is missing`;
    const [mine, its] = [traitsOf(entry), traitsOf(other)];
    const trait = Object.keys(mine).find((key) => mine[key] !== its[key]);
    if (trait !== undefined) return `${nameOf(path)} has ${trait} ${its[trait]}, not ${mine[trait]}`;
  }
  for (const path of copy.entries.keys())
    if (!original.entries.has(path)) return `${nameOf(path)} is too much`;
  return undefined;
}

/** What has to be the same. The size of a directory is its file system's own affair. */
function traitsOf(entry: Entry): Readonly<Record<string, string | number>> {
  const { kind, mode, owner, size, links, modified, link } = entry;
  const common = { kind, mode, owner, mtime: modified };
  if (kind === 'd') return common;
  return kind === 'f' ? { ...common, size, links } : { ...common, links, target: link };
}

function nameOf(path: string): string {
  return path === '' ? 'the root directory' : JSON.stringify(Buffer.from(path, 'latin1').toString('utf8'));
}
