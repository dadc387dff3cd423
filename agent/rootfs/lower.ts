import { createHash } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import type { Clock } from '../effects/clock.ts';
import type { Runner } from '../effects/runner.ts';
import { hostFailed, wordsOf } from '../host/failure.ts';
import { type Entry, listTree, parseListing } from './listing.ts';

/** Reading a whole image may take as long as its disk needs. */
const HASH_MS = 1_800_000;
/** Images that are remembered: containers of one node mostly share few. */
const REMEMBERED = 16;
const HASHES = 'find "$1" -type f -print0 | xargs -0 -r sha256sum -z >"$2"';

/** A stream of kind `listing` with this number and above is about a lower directory. */
export const LOWER_STREAMS = 1_000;

export interface LowerRequest {
  readonly runner: Runner;
  readonly clock: Clock;
  readonly root: string;
  /** Where lists are written. */
  readonly file: string;
  readonly signal: AbortSignal;
}

const known = new Map<string, { readonly state: string; readonly list: Buffer }>();
/** Directories that are being read for a move. */
const reading = new Map<string, Promise<Buffer>>();

/**
 * Everything that a container sees of a lower directory of its overlay, contents by their SHA-256: for
 * {@link lowerDifference}. What has not changed since the last look, by inodes and ctimes, is not read again; moves that need
 * the same at the same time wait for the one that reads it.
 * @throws GodwitError HOST_FAILED
 */
export async function hashList(request: LowerRequest): Promise<Buffer> {
  const { root } = request;
  const bytes = await listTree(request);
  const state = createHash('sha256').update(bytes).digest('hex');
  for (;;) {
    const list = knownList(root, state);
    if (list) return list;
    const other = reading.get(root);
    if (!other) break;
    await endOf(other, request.signal);
  }
  const own = readContents(request, bytes, state).finally(() => reading.delete(root));
  reading.set(root, own);
  return own;
}

async function readContents(request: LowerRequest, bytes: Buffer, state: string): Promise<Buffer> {
  const { root } = request;
  const hashes = await hashesOf(request);
  const lines = [...parseListing(bytes, 0).entries].map(([path, entry]) => {
    const hash = entry.kind === 'f' ? ` ${hashes.get(path) ?? 'unread'}` : '';
    return `${path}\0${contentWords(entry)}${hash}\0`;
  });
  const list = Buffer.from(lines.sort().join(''), 'latin1');
  known.delete(root);
  known.set(root, { state, list });
  for (const [oldest] of known) if (known.size > REMEMBERED) known.delete(oldest);
  return list;
}

/** What has to be the same of one entry, as far as that can be told without reading it. Pure. */
export function contentWords({ kind, mode, owner, size, link }: Entry): string {
  return `${kind} ${mode} ${owner} ${kind === 'f' ? size : link}`;
}

/** The hash list of a directory that has been read, and has not changed since: `state` is the SHA-256 of its listing. */
export function knownList(root: string, state: string): Buffer | undefined {
  const before = known.get(root);
  return before?.state === state ? before.list : undefined;
}

/** A path that is kept as latin1, quoted. Pure. */
export function nameOf(path: string): string {
  return JSON.stringify(Buffer.from(path, 'latin1').toString());
}

/** The first path at which two hash lists differ, in words; empty when they are the same. Pure. */
export function lowerDifference(theirs: Buffer, ours: Buffer): string {
  if (theirs.equals(ours)) return '';
  const [there, here] = [entriesOf(theirs), entriesOf(ours)];
  const paths = [...new Set([...there.keys(), ...here.keys()])].sort();
  const path = paths.find((one) => there.get(one) !== here.get(one)) ?? '';
  const name = path === '' ? 'the directory itself' : nameOf(path);
  if (!here.has(path)) return `${name} is missing`;
  return there.has(path) ? `${name} is another one` : `${name} is too much`;
}

function entriesOf(list: Buffer): Map<string, string> {
  const words = list.toString('latin1').split('\0');
  const entries = new Map<string, string>();
  for (let at = 0; at + 1 < words.length; at += 2) entries.set(words[at] ?? '', words[at + 1] ?? '');
  return entries;
}

/** When it failed it failed its own move. @throws the signal's reason */
async function endOf(other: Promise<unknown>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let abort = () => {};
  const aborted = new Promise<void>((resolve) => {
    abort = resolve;
    signal.addEventListener('abort', abort, { once: true });
  });
  await Promise.race([other.catch(() => {}), aborted]);
  signal.removeEventListener('abort', abort);
  signal.throwIfAborted();
}

/** By path below the root, as latin1. */
async function hashesOf({ runner, root, file, signal }: LowerRequest): Promise<Map<string, string>> {
  const out = `${file}.sha256`;
  const args = ['-c', HASHES, 'sh', root, out];
  try {
    // The whole group has to end with the move: the shell alone would leave those that read to themselves.
    const result = await runner.run({ file: 'sh', args, deadlineMs: HASH_MS, signal, detached: true });
    signal.throwIfAborted();
    if (result.exitCode !== 0) throw hostFailed(`reading ${root}`, wordsOf(result));
    const lines = (await readFile(out)).toString('latin1').split('\0');
    // "HASH  PATH", the path as bytes.
    const below = Buffer.byteLength(root) + 1;
    return new Map(lines.map((line) => [line.slice(66 + below), line.slice(0, 64)] as const));
  } finally {
    await rm(out, { force: true });
  }
}
