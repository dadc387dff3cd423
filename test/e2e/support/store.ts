import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Manifest, parseManifest, renderManifest } from '../../../agent/checkpoint/store/manifest.ts';
import type { CheckpointResult } from '../../../protocol/mod.ts';
import type { Cluster } from './cluster.ts';

const DISK = process.env.GODWIT_LAB_DISK ?? '/var/lib/godwit-lab';

/** A bit somewhere in the store. */
export interface Bit {
  readonly file: string;
  readonly at: number;
  readonly bit: number;
}

/** Puts a container into the store; fails unless that worked. Resolves with the checkpoint's id beside what the job says. */
export async function checkpoint(
  cluster: Cluster,
  name: string,
  ...flags: readonly string[]
): Promise<CheckpointResult & { readonly checkpoint: string }> {
  const result = await cluster.json<CheckpointResult>('checkpoint', name, ...flags);
  const { checkpoint: id, outcome } = result;
  if (outcome !== 'done' || id === null) throw new Error(JSON.stringify(result));
  return { ...result, checkpoint: id };
}

/** Where the files of a checkpoint lie, as this machine sees it. */
export function checkpointDir({ lab }: Cluster, container: string, id: string): string {
  return join(DISK, lab.instance, 'shared/checkpoints', container, id);
}

/** A bit of a random file of a directory, the small ones as likely as the large. */
export function chooseBit(dir: string, random: () => number): Bit {
  // An empty one has none.
  const files = readdirSync(dir)
    .filter((name) => statSync(join(dir, name)).size > 0)
    .sort();
  const file = files[Math.floor(random() * files.length)] ?? '';
  const { length } = readFileSync(join(dir, file));
  return { file, at: Math.floor(random() * length), bit: Math.floor(random() * 8) };
}

/** Turns it over; a second time it is as before. */
export function flip(dir: string, { file, at, bit }: Bit): void {
  const bytes = readFileSync(join(dir, file));
  bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
  writeFileSync(join(dir, file), bytes);
}

/** Makes another whole checkpoint of one, as if a node had written it that is unlike these. Resolves with how it was. */
export function rewriteManifest(
  dir: string,
  id: string,
  change: (manifest: Manifest) => Manifest,
): { readonly before: Manifest; readonly putBack: () => void } {
  const file = join(dir, 'manifest.ndjson');
  const bytes = readFileSync(file);
  const before = parseManifest(bytes, id);
  writeFileSync(file, renderManifest(change(before)));
  return { before, putBack: () => writeFileSync(file, bytes) };
}

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
