import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Compression, DomainSpec } from '../../../protocol/mod.ts';
import { hostFailed } from '../../host/failure.ts';
import type { Agent } from '../../migration/agent.ts';
import { hashList } from '../../rootfs/mod.ts';
import type { CompressOptions } from '../store/compress.ts';
import type { Draft } from '../store/draft.ts';
import type { KeptFile, KeptLower } from '../store/manifest.ts';

/** Puts a list into the store by way of a directory of the job's. @throws GodwitError HOST_FAILED */
export async function takeList(
  draft: Draft,
  { dir, name, list }: { readonly dir: string; readonly name: string; readonly list: Buffer },
  compression: Compression,
  options: CompressOptions,
): Promise<KeptFile> {
  const file = join(dir, name);
  await writeFile(file, list, { mode: 0o600 }).catch((error: unknown) => {
    throw hostFailed(`writing ${file}`, error);
  });
  return draft.takeFile(file, compression, options);
}

/**
 * What the root file system is laid over, by its hashes, also where the directories themselves are left out: the mapped files of the
 * tasks may lie in it. @throws GodwitError CHECKPOINT_FAILED, HOST_FAILED
 */
export async function keepLower(
  { clock }: Pick<Agent, 'clock'>,
  draft: Draft,
  { spec, dir }: { readonly spec: DomainSpec; readonly dir: string },
  compression: Compression,
  options: CompressOptions,
): Promise<KeptLower[]> {
  const { runner, signal } = options;
  const kept: KeptLower[] = [];
  for (const [at, root] of (spec.policy.lower ?? []).entries()) {
    const list = await hashList({ runner, clock, root, file: join(dir, `hashes-${at}`), signal });
    const listing = await takeList(draft, { dir, name: `lower-${at}.list`, list }, compression, options);
    kept.push({ root, listing });
  }
  return kept;
}
