import { readFile, rm } from 'node:fs/promises';
import { GodwitError, LIMITS } from '../../protocol/mod.ts';
import type { Clock } from '../effects/clock.ts';
import type { Runner } from '../effects/runner.ts';

/** One file, directory, link or device. Times as find prints them, with the file system's whole precision. */
export interface Entry {
  /** find's letter: f, d, l, b, c, p, s. */
  readonly kind: string;
  readonly inode: string;
  readonly links: number;
  readonly mode: string;
  readonly owner: string;
  readonly size: number;
  readonly modified: string;
  readonly changed: string;
  /** Where a symbolic link leads. */
  readonly link: string;
}

/** A tree as it was at one moment, or, while something works in it, in the moments from `startedAtMs` on. */
export interface Listing {
  readonly startedAtMs: number;
  /** By path below the root, which is the empty one; bytes as latin1, for a name need not be text. */
  readonly entries: ReadonlyMap<string, Entry>;
}

const FORMAT = '%y\\t%i\\t%n\\t%m\\t%U:%G\\t%s\\t%T@\\t%C@\\t%l\\0%P\\0';
const DEADLINE_MS = 600_000;

export interface ListingRequest {
  readonly runner: Runner;
  readonly clock: Clock;
  readonly root: string;
  /** Where the list is written: names need not be text, and there may be many. */
  readonly file: string;
  readonly signal?: AbortSignal;
}

/** Looks at a whole tree, as bytes for {@link parseListing}. What vanishes meanwhile is left out. @throws GodwitError HOST_FAILED */
export async function listTree({ runner, root, file, signal }: ListingRequest): Promise<Buffer> {
  const { exitCode, stderr } = await runner.run({
    file: 'find',
    args: [root, '-ignore_readdir_race', '-fprintf', file, FORMAT],
    deadlineMs: DEADLINE_MS,
    ...(signal ? { signal } : {}),
  });
  signal?.throwIfAborted();
  if (exitCode !== 0) throw failed(root, stderr.trim().split('\n')[0] ?? `find ended with ${exitCode}`);
  try {
    return await readFile(file);
  } catch (error) {
    throw failed(root, (error as Error).message);
  } finally {
    await rm(file, { force: true });
  }
}

/** @throws GodwitError HOST_FAILED for what no find of ours has written, or too much of it */
export function parseListing(bytes: Buffer, startedAtMs: number): Listing {
  const entries = new Map<string, Entry>();
  for (let at = 0; at < bytes.length; ) {
    const endOfFields = bytes.indexOf(0, at);
    const endOfPath = bytes.indexOf(0, endOfFields + 1);
    if (endOfFields < 0 || endOfPath < 0) throw failed('the list', 'it is cut off');
    const fields = bytes.toString('latin1', at, endOfFields).split('\t');
    const [kind = '', inode = '', links, mode = '', owner = '', size, modified = '', changed = ''] = fields;
    if (fields.length < 9) throw failed('the list', 'an entry lacks fields');
    const link = fields.slice(8).join('\t');
    entries.set(bytes.toString('latin1', endOfFields + 1, endOfPath), {
      kind,
      inode,
      links: Number(links),
      mode,
      owner,
      size: Number(size),
      modified,
      changed,
      link,
    });
    if (entries.size > LIMITS.rootfsEntries)
      throw failed('the list', `more than ${LIMITS.rootfsEntries} entries`);
    at = endOfPath + 1;
  }
  return { startedAtMs, entries };
}

function failed(what: string, problem: string): GodwitError {
  return new GodwitError('HOST_FAILED', { action: `listing ${what}`, problem });
}
