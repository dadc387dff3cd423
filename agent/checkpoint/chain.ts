import { mkdir, open, symlink, truncate } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hostFailed } from '../host/failure.ts';
import type { CompressOptions } from './store/compress.ts';
import type { KeptFile } from './store/manifest.ts';
import type { CheckpointStore, Found } from './store/store.ts';

/** The name under which criu looks for the images that others build on. */
const PARENT = 'parent';

/** Memory as it is, and everything else that criu wrote. */
export const isPages = ({ name }: Pick<KeptFile, 'name'>): boolean => name.startsWith('pages-');

/** What all images of a chain take once they are brought back. */
export function bytesOfImages(chain: readonly Found[]): number {
  return chain.flatMap(({ manifest }) => manifest.files).reduce((sum, { bytes }) => sum + bytes, 0);
}

/**
 * Brings the images of a chain back into numbered directories beside `images`, the oldest is 1, each linked to the one before. Without
 * their pages they do for a dump, which looks only where a page would be. Returns where criu finds the newest, as seen from `images`.
 * @throws GodwitError CHECKPOINT_DAMAGED, HOST_FAILED
 */
export async function unpackChain(
  store: CheckpointStore,
  newestFirst: readonly Found[],
  images: string,
  options: CompressOptions & { readonly pages: 'whole' | 'empty'; readonly done?: (file: KeptFile) => void },
): Promise<string> {
  const home = join(dirname(images), 'parents');
  for (const [at, found] of newestFirst.toReversed().entries()) {
    const dir = join(home, String(at + 1));
    await makeDir(dir);
    const wanted = (file: KeptFile) => options.pages === 'whole' || !isPages(file);
    await store.unpack(found, dir, options, options.done ?? (() => {}), wanted);
    for (const file of found.manifest.files)
      if (!wanted(file)) await makeEmpty(join(dir, file.name), file.bytes);
    if (at > 0) await linkParent(dir, `../${at}`);
  }
  return `../parents/${newestFirst.length}`;
}

/** As criu does it in a dump. @throws GodwitError HOST_FAILED */
export async function linkParent(images: string, to: string): Promise<void> {
  await symlink(to, join(images, PARENT)).catch((error: unknown) => {
    throw hostFailed(`linking ${images} to ${to}`, error);
  });
}

async function makeDir(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw hostFailed(`making ${dir}`, error);
  });
}

/** All hole, but as long as it is to be. */
async function makeEmpty(file: string, bytes: number): Promise<void> {
  try {
    await (await open(file, 'wx', 0o600)).close();
    await truncate(file, bytes);
  } catch (error) {
    throw hostFailed(`making ${file}`, error);
  }
}
