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
/** Another one: a checkpoint of a godwit whose words this one does not know. */
const VERSION = 1;

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

/** All that a restore has to know of a checkpoint. */
export const Manifest = z.object({
  type: z.literal('io.godwit.v1.checkpoint-manifest'),
  version: z.literal(VERSION),
  id: z.string(),
  container: z.string(),
  uuid: z.string(),
  node: z.string(),
  /** Of the record when it was made. */
  epoch: z.number().int(),
  createdAtMs: z.number(),
  trigger: z.enum(['operator', 'schedule']),
  leftRunning: z.boolean(),
  compression: Compression,
  /** The domain XML. */
  spec: z.string(),
  capabilities: Capabilities,
  cpuFlags: z.array(z.string()),
  /** In use by the container then: what a node needs to take it. */
  memoryBytes: Bytes,
  /** The root file system is not in the checkpoint: this is how it is known again. */
  rootfs: RootfsIdentity.optional(),
  files: z.array(KeptFile).max(LIMITS.imageFiles),
});
export type Manifest = z.infer<typeof Manifest>;

export function makeManifest(facts: Omit<Manifest, 'type' | 'version'>): Manifest {
  return { type: 'io.godwit.v1.checkpoint-manifest', version: VERSION, ...facts };
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
  const { id, container, uuid, node, createdAtMs, trigger, leftRunning, compression, files } = manifest;
  const sum = (of: (file: KeptFile) => number) => files.reduce((total, file) => total + of(file), 0);
  return {
    id,
    container,
    uuid,
    node,
    createdAtMs,
    trigger,
    leftRunning,
    compression,
    files: files.length,
    bytes: sum(({ bytes }) => bytes),
    storedBytes: sum(({ keptBytes }) => keptBytes),
    addresses: [...addresses],
  };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
