import { lstat, mkdir, readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type Compression, GodwitError, LIMITS } from '../../../protocol/mod.ts';
import { both } from '../../effects/both.ts';
import { isImageName } from '../../transfer/image-name.ts';
import { archiveTree } from './archive.ts';
import { type CompressOptions, keepFile } from './compress.ts';
import { sync, writeWhole } from './files.ts';
import { type KeptFile, MANIFEST, type Manifest, renderManifest } from './manifest.ts';
import { makingName } from './names.ts';
import { filesSideBySide } from './side-by-side.ts';
import type { CheckpointStore } from './store.ts';

/** A checkpoint that is being made: nobody sees it before `publish` has resolved. */
export class Draft {
  private readonly home: string;
  private readonly dir: string;
  private readonly container: string;

  /** @throws GodwitError HOST_FAILED, CHECKPOINT_FAILED */
  static async begin(
    store: CheckpointStore,
    { container, node, job }: { readonly container: string; readonly node: string; readonly job: string },
  ): Promise<Draft> {
    const home = await store.makeHome(container);
    const draft = new Draft(home, join(home, makingName(node, job)), container);
    await draft.trying(() => mkdir(draft.dir, { mode: 0o700 }));
    return draft;
  }

  private constructor(home: string, dir: string, container: string) {
    this.home = home;
    this.dir = dir;
    this.container = container;
  }

  /** Takes the images of a directory in; `done` is told of each one. @throws GodwitError CHECKPOINT_FAILED; the signal's reason */
  async take(
    images: string,
    compression: Compression,
    options: CompressOptions,
    done: (file: KeptFile) => void,
  ): Promise<KeptFile[]> {
    const found = await this.trying(() => imagesIn(images));
    return filesSideBySide(found, options.signal, async (image, signal) => {
      const from = join(images, image.name);
      const keep = () => keepFile(from, image, this.dir, compression, { ...options, signal });
      const file = await this.trying(keep, signal);
      done(file);
      return file;
    });
  }

  /** Takes one more file in. @throws GodwitError CHECKPOINT_FAILED; the signal's reason */
  async takeFile(from: string, compression: Compression, options: CompressOptions): Promise<KeptFile> {
    const [name, { size: bytes }] = [basename(from), await this.trying(() => lstat(from))];
    return this.trying(() => keepFile(from, { name, bytes }, this.dir, compression, options), options.signal);
  }

  /** Takes a directory in that nothing changes. @throws GodwitError CHECKPOINT_FAILED; the signal's reason */
  async takeTree(
    root: string,
    name: string,
    compression: Compression,
    options: CompressOptions,
  ): Promise<KeptFile> {
    const to = { name, toDir: this.dir };
    return this.trying(() => archiveTree(root, to, compression, options), options.signal);
  }

  /** Makes the checkpoint visible, whole and on the disk. @throws GodwitError CHECKPOINT_FAILED */
  async publish(manifest: Manifest, signal: AbortSignal): Promise<void> {
    await this.trying(async () => {
      signal.throwIfAborted();
      const file = join(this.dir, MANIFEST);
      await writeWhole(file, Buffer.from(renderManifest(manifest)), false);
      await both(sync(file), sync(this.dir));
      await rename(this.dir, join(this.home, manifest.id));
      await sync(this.home);
    }, signal);
  }

  /** Nothing is left. Safe to repeat; a checkpoint that was published stays. */
  async discard(): Promise<void> {
    await rm(this.dir, { recursive: true, force: true });
  }

  private async trying<Result>(action: () => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    try {
      return await action();
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (error instanceof GodwitError) throw error;
      const problem = (error as Error).message;
      throw new GodwitError('CHECKPOINT_FAILED', { container: this.container, problem }, { cause: error });
    }
  }
}

/** What criu wrote, small ones first. */
async function imagesIn(dir: string): Promise<{ name: string; bytes: number }[]> {
  const found: { name: string; bytes: number }[] = [];
  for (const name of await readdir(dir)) {
    const status = await lstat(join(dir, name));
    if (!status.isFile()) continue;
    if (!isImageName(name)) throw new Error(`'${name}' cannot be an image file's name`);
    found.push({ name, bytes: status.size });
  }
  if (found.length > LIMITS.imageFiles) throw new Error(`more than ${LIMITS.imageFiles} images`);
  if (found.length === 0) throw new Error('criu wrote no images');
  return found.sort((a, b) => a.bytes - b.bytes || (a.name < b.name ? -1 : 1));
}
