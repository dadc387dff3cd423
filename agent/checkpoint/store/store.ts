import { mkdir, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDomain } from '../../../protocol/domain/mod.ts';
import {
  type CheckpointDigest,
  GodwitError,
  isContainerName,
  LIMITS,
  toGodwitError,
} from '../../../protocol/mod.ts';
import { hasCode, hostFailed } from '../../host/failure.ts';
import { extractTree } from './archive.ts';
import { type CompressOptions, checkKept, giveBack } from './compress.ts';
import { readSmall, sync } from './files.ts';
import {
  allFiles,
  digestOfManifest,
  type KeptFile,
  type KeptTree,
  MANIFEST,
  type Manifest,
  parseManifest,
} from './manifest.ts';
import { deletingName, kindOf } from './names.ts';
import { filesSideBySide } from './side-by-side.ts';

/** One that nobody has touched for so long belongs to a node that is gone. */
const ABANDONED_MS = 24 * 3_600_000;

/** A whole checkpoint: its manifest has been checked, its images not yet. */
export interface Found {
  readonly manifest: Manifest;
  readonly dir: string;
}

/** What a store holds: what can be read, newest first, and what cannot. */
export interface Contents {
  readonly found: readonly Found[];
  readonly damaged: readonly { readonly id: string; readonly problem: string }[];
}

/**
 * A directory of checkpoints, `<dir>/<container>/<id>/`, which several nodes may share. A checkpoint appears by a rename when
 * all of it is on the disk, is never changed, and disappears by a rename: what has the name of one is whole.
 */
export class CheckpointStore {
  readonly dir: string;
  private readonly node: string;

  constructor(dir: string, node: string) {
    this.dir = dir;
    this.node = node;
  }

  /** Of one container, or of all. @throws GodwitError HOST_FAILED */
  async list(container?: string): Promise<Contents> {
    const found: Found[] = [];
    const damaged: { id: string; problem: string }[] = [];
    for (const name of container === undefined ? await this.containers() : [container]) {
      for (const id of await this.entries(name)) {
        if (kindOf(id)?.kind !== 'whole') continue;
        try {
          const one = await this.read(name, id);
          if (one) found.push(one);
        } catch (error) {
          damaged.push({ id, problem: toGodwitError(error).message });
        }
      }
    }
    found.sort((a, b) => b.manifest.createdAtMs - a.manifest.createdAtMs);
    return { found, damaged };
  }

  /** @throws GodwitError CHECKPOINT_NOT_FOUND, CHECKPOINT_DAMAGED, HOST_FAILED */
  async find(id: string): Promise<Found> {
    if (kindOf(id)?.kind === 'whole') {
      for (const name of await this.containers()) {
        const found = await this.read(name, id);
        if (found) return found;
      }
    }
    throw this.missing(id);
  }

  /** The newest of a container. @throws GodwitError CHECKPOINT_NOT_FOUND, CHECKPOINT_DAMAGED when the newest cannot be read */
  async newest(container: string): Promise<Found> {
    const { found, damaged } = await this.list(container);
    const newestDamaged = damaged
      .map(({ id }) => id)
      .sort()
      .at(-1);
    const [newest] = found;
    // Not silently an older one: the operator says which. Ids sort by time.
    if (newestDamaged !== undefined && newestDamaged > (newest?.manifest.id ?? ''))
      await this.read(container, newestDamaged);
    if (!newest) throw this.missing(`of '${container}'`);
    return newest;
  }

  /** A checkpoint and those that it builds on, newest first. @throws GodwitError CHECKPOINT_DAMAGED, HOST_FAILED */
  async chain(newest: Found): Promise<[Found, ...Found[]]> {
    const chain: [Found, ...Found[]] = [newest];
    for (let { parent, container, id } = newest.manifest; parent !== undefined; ) {
      const found = await this.read(container, parent);
      const problem = found
        ? 'it builds on others without an end'
        : `${parent}, which it builds on, is not there`;
      if (!found || chain.length >= LIMITS.checkpointChain)
        throw new GodwitError('CHECKPOINT_DAMAGED', { checkpoint: id, file: MANIFEST, problem });
      chain.push(found);
      ({ parent, id } = found.manifest);
    }
    return chain;
  }

  /** Looks at every byte, also of those that it builds on. @throws GodwitError CHECKPOINT_DAMAGED, which names the file */
  async verify(found: Found, signal: AbortSignal): Promise<void> {
    for (const { manifest, dir } of await this.chain(found))
      for (const file of allFiles(manifest))
        await this.intact(manifest, file.kept, () => checkKept(dir, file, signal), signal);
  }

  /**
   * Brings every image back into a directory, and looks at every byte of them on the way. `kept` is told of each that is there.
   * @throws GodwitError CHECKPOINT_DAMAGED, which names the file; HOST_FAILED where there is no room for it
   */
  async unpack(
    { manifest, dir }: Found,
    to: string,
    options: CompressOptions,
    done: (file: KeptFile) => void,
    wanted: (file: KeptFile) => boolean = () => true,
  ): Promise<void> {
    await filesSideBySide(manifest.files.filter(wanted), options.signal, async (file, signal) => {
      const back = () => giveBack(dir, file, join(to, file.name), { ...options, signal });
      await this.intact(manifest, file.kept, back, signal);
      done(file);
    });
  }

  /** Brings one directory back, as {@link unpack} does images. @throws GodwitError CHECKPOINT_DAMAGED, HOST_FAILED */
  async unpackTree(
    { manifest, dir }: Found,
    { archive }: KeptTree,
    to: string,
    options: CompressOptions,
  ): Promise<void> {
    await this.intact(manifest, archive.kept, () => extractTree(dir, archive, to, options), options.signal);
  }

  /** The content of a small file. @throws GodwitError CHECKPOINT_DAMAGED, HOST_FAILED */
  async readFile(
    { manifest, dir }: Found,
    file: KeptFile,
    to: string,
    options: CompressOptions,
  ): Promise<Buffer> {
    await this.intact(manifest, file.kept, () => giveBack(dir, file, to, options), options.signal);
    try {
      return await readFile(to);
    } finally {
      await rm(to, { force: true });
    }
  }

  /**
   * Out of sight first: half of a checkpoint must not look like one. Another node may publish one that builds on it at the same time;
   * that looks for it afterwards, as this looks for that. @throws GodwitError CHECKPOINT_NEEDED, HOST_FAILED
   */
  async delete({ manifest, dir }: Found, chance: string): Promise<void> {
    const home = this.home(manifest.container);
    const gone = join(home, deletingName(manifest.id, chance));
    await this.refuseNeeded(manifest);
    try {
      await rename(dir, gone);
      await sync(home);
      await this.refuseNeeded(manifest).catch(async (error: unknown) => {
        await rename(gone, dir);
        throw error;
      });
      await rm(gone, { recursive: true, force: true });
    } catch (error) {
      if (hasCode(error, 'ENOENT')) throw this.missing(manifest.id);
      if (error instanceof GodwitError) throw error;
      throw hostFailed(`deleting ${dir}`, error);
    }
  }

  /** Removes what this node has left half-made or half-deleted, and what others have left long ago. Returns their paths. */
  async sweep(isRunning: (job: string) => boolean, nowMs: number): Promise<string[]> {
    const swept: string[] = [];
    for (const container of await this.containers()) {
      for (const name of await this.entries(container)) {
        const kind = kindOf(name);
        if (kind === undefined || kind.kind === 'whole') continue;
        const own = kind.kind === 'making' && kind.node === this.node;
        if (own && isRunning(kind.job)) continue;
        const path = join(this.home(container), name);
        if (!own && !(await isAbandoned(path, nowMs))) continue;
        await rm(path, { recursive: true, force: true });
        swept.push(path);
      }
    }
    return swept;
  }

  /** Where the checkpoints of a container are; made when missing. @throws GodwitError HOST_FAILED */
  async makeHome(container: string): Promise<string> {
    const home = this.home(container);
    try {
      await mkdir(home, { recursive: true, mode: 0o700 });
      await sync(this.dir);
    } catch (error) {
      throw hostFailed(`making ${home}`, error);
    }
    return home;
  }

  private async refuseNeeded({ id: checkpoint, container }: Manifest): Promise<void> {
    const { found } = await this.list(container);
    const child = found.find(({ manifest }) => manifest.parent === checkpoint);
    if (child) throw new GodwitError('CHECKPOINT_NEEDED', { checkpoint, child: child.manifest.id });
  }

  private home(container: string): string {
    return join(this.dir, container);
  }

  private async containers(): Promise<string[]> {
    return (await this.names(this.dir)).filter(isContainerName);
  }

  private entries(container: string): Promise<string[]> {
    return this.names(this.home(container));
  }

  private async names(dir: string): Promise<string[]> {
    try {
      return await readdir(dir);
    } catch (error) {
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) return [];
      throw hostFailed(`reading ${dir}`, error);
    }
  }

  /** Undefined where there is none; a file system that does not answer says nothing of that. */
  private async read(container: string, id: string): Promise<Found | undefined> {
    const dir = join(this.home(container), id);
    const there = await stat(dir).catch((error: unknown) => {
      if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
      throw hostFailed(`looking at ${dir}`, error);
    });
    if (!there?.isDirectory()) return undefined;
    const bytes = await readSmall(join(dir, MANIFEST), LIMITS.manifestBytes).catch((error: unknown) => {
      const { message } = error as Error;
      throw new GodwitError('CHECKPOINT_DAMAGED', { checkpoint: id, file: MANIFEST, problem: message });
    });
    return { manifest: parseManifest(bytes, id), dir };
  }

  private async intact(
    manifest: Manifest,
    file: string,
    look: () => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await look();
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof GodwitError) throw error;
      if (hasCode(error, 'ENOSPC')) throw hostFailed(`bringing back ${file}`, error);
      const problem = hasCode(error, 'ENOENT') ? 'it is not there' : (error as Error).message;
      throw new GodwitError(
        'CHECKPOINT_DAMAGED',
        { checkpoint: manifest.id, file, problem },
        { cause: error },
      );
    }
  }

  private missing(checkpoint: string): GodwitError {
    return new GodwitError('CHECKPOINT_NOT_FOUND', { checkpoint, node: this.node });
  }
}

/** As lists show it. @throws GodwitError XML_MALFORMED, XML_REFUSED for a description of another version of godwit */
export function shown({ manifest }: Found): CheckpointDigest {
  const { interfaces } = parseDomain(manifest.spec, { file: `checkpoint ${manifest.id}` });
  const addresses = interfaces.flatMap((nic) => nic.addresses.map((one) => `${one.address}/${one.prefix}`));
  return digestOfManifest(manifest, addresses);
}

async function isAbandoned(path: string, nowMs: number): Promise<boolean> {
  const status = await stat(path).catch(() => undefined);
  return status !== undefined && nowMs - status.mtimeMs > ABANDONED_MS;
}
