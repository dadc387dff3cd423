import { createHash } from 'node:crypto';
import { z } from 'zod';
import {
  Capabilities,
  type CheckpointDigest,
  Compression,
  GodwitError,
  LIMITS,
  RootfsIdentity,
} from '../../../protocol/mod.ts';
import { isImageName } from '../../transfer/image-name.ts';

export const MANIFEST = 'manifest.ndjson';
/** Of one that is whole and without directories, which a godwit that knows of neither can restore; and of others. */
const VERSIONS = [1, 2] as const;

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const Name = z.string().refine(isImageName, 'is no name of an image file');
const Bytes = z.number().int().nonnegative();

/** One image: as criu wrote it, and as it is kept. */
export const KeptFile = z.object({
  name: Name,
  bytes: Bytes,
  sha256: Sha256,
  kept: Name,
  keptBytes: Bytes,
  keptSha256: Sha256,
  compression: Compression,
});
export type KeptFile = z.infer<typeof KeptFile>;

/** A directory of the container's own, as it was while the tasks stood still. */
export const KeptTree = z.object({
  root: z.string(),
  /** What it took on its disk. */
  bytes: Bytes,
  /** An archive of GNU tar, compressed by tar's own filter. */
  archive: KeptFile,
  /** What the directory is like when it is back: a list of agent/rootfs/listing.ts. */
  listing: KeptFile,
});
export type KeptTree = z.infer<typeof KeptTree>;

/** What the root file system is laid over: of that a checkpoint has only a list of hashes (agent/rootfs/lower.ts). */
export const KeptLower = z.object({ root: z.string(), listing: KeptFile });
export type KeptLower = z.infer<typeof KeptLower>;

/** All that a restore has to know of a checkpoint. */
export const Manifest = z.object({
  type: z.literal('io.godwit.v1.checkpoint-manifest'),
  version: z.literal(VERSIONS),
  id: z.string(),
  container: z.string(),
  uuid: z.string(),
  node: z.string(),
  /** Of the record when it was made. */
  epoch: z.number().int(),
  createdAtMs: z.number(),
  trigger: z.enum(['operator', 'schedule']),
  /** The checkpoint, of the same container, that has the pages which are not in this one. */
  parent: z.string().optional(),
  leftRunning: z.boolean(),
  compression: Compression,
  /** The domain XML. */
  spec: z.string(),
  capabilities: Capabilities,
  cpuFlags: z.array(z.string()),
  /** In use by the container then: what a node needs to take it. */
  memoryBytes: Bytes,
  /** Names of files of limits that the restore writes: it fails where one is not there. */
  limitFiles: z.array(z.string()).max(LIMITS.limitFiles).default([]),
  /** How a root file system that is not in the checkpoint is known again. */
  rootfs: RootfsIdentity.optional(),
  /** What criu wrote. */
  files: z.array(KeptFile).max(LIMITS.imageFiles),
  /** Root file system and volumes with policy `copy`, in the order of the description. */
  trees: z.array(KeptTree).default([]),
  lower: z.array(KeptLower).default([]),
});
export type Manifest = z.infer<typeof Manifest>;

export function makeManifest(facts: Omit<Manifest, 'type' | 'version'>): Manifest {
  const { trees, lower, parent } = facts;
  const version = trees.length + lower.length > 0 || parent !== undefined ? 2 : 1;
  return { type: 'io.godwit.v1.checkpoint-manifest', version, ...facts };
}

/** Everything that lies beside the manifest. */
export function allFiles({ files, trees, lower }: Manifest): KeptFile[] {
  return [
    ...files,
    ...trees.flatMap(({ archive, listing }) => [archive, listing]),
    ...lower.map(({ listing }) => listing),
  ];
}

/** Two lines of JSON: the manifest, and its own SHA-256. */
export function renderManifest(manifest: Manifest): string {
  const line = JSON.stringify(manifest);
  return `${line}\n${JSON.stringify({ sha256: digest(line) })}\n`;
}

/** @throws GodwitError CHECKPOINT_DAMAGED for anything that `renderManifest` has not written, to the last byte */
export function parseManifest(bytes: Uint8Array, id: string): Manifest {
  const damaged = (problem: string) =>
    new GodwitError('CHECKPOINT_DAMAGED', { checkpoint: id, file: MANIFEST, problem });
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw damaged('it is no UTF-8');
  }
  const line = text.slice(0, Math.max(0, text.indexOf('\n')));
  if (text !== `${line}\n${JSON.stringify({ sha256: digest(line) })}\n`)
    throw damaged('its SHA-256 is not the one it names');
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    throw damaged('it is no JSON');
  }
  const parsed = Manifest.safeParse(json);
  if (!parsed.success) throw damaged(parsed.error.issues[0]?.message ?? 'it is no manifest');
  if (parsed.data.id !== id) throw damaged(`it is that of ${parsed.data.id}`);
  return parsed.data;
}

export function digestOfManifest(manifest: Manifest, addresses: readonly string[]): CheckpointDigest {
  const { id, container, uuid, node, createdAtMs, trigger, leftRunning, compression, files, trees } =
    manifest;
  const sum = (all: readonly KeptFile[], of: (file: KeptFile) => number) =>
    all.reduce((total, file) => total + of(file), 0);
  return {
    id,
    container,
    uuid,
    node,
    createdAtMs,
    trigger,
    ...(manifest.parent === undefined ? {} : { parent: manifest.parent }),
    leftRunning,
    compression,
    files: allFiles(manifest).length,
    bytes: sum(files, ({ bytes }) => bytes),
    rootfsBytes: trees.reduce((total, { bytes }) => total + bytes, 0),
    storedBytes: sum(allFiles(manifest), ({ keptBytes }) => keptBytes),
    addresses: [...addresses],
  };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
