import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hostFailed } from '../host/failure.ts';

/**
 * What this node remembers of a container with root file system policy `copy`, across restarts and power cuts: the directory
 * `root`, and `<root>.migrated` beside it, are copies that godwit made or left. While the container is on another node they
 * are old, and a move that comes back may build on them.
 */
export interface Mark {
  readonly uuid: string;
  readonly root: string;
}

/** Whether what lies at `root` and beside it is known as this container's. */
export async function isMarked(stateDir: string, name: string, { uuid, root }: Mark): Promise<boolean> {
  try {
    const mark: Partial<Mark> = JSON.parse(await readFile(fileOf(stateDir, name), 'utf8'));
    return mark.uuid === uuid && mark.root === root;
  } catch {
    return false;
  }
}

/** On disk when it resolves. @throws GodwitError HOST_FAILED */
export async function setMark(stateDir: string, name: string, { uuid, root }: Mark): Promise<void> {
  const file = fileOf(stateDir, name);
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const handle = await open(`${file}.new`, 'w', 0o600);
    try {
      await handle.writeFile(JSON.stringify({ uuid, root } satisfies Mark));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(`${file}.new`, file);
  } catch (error) {
    throw hostFailed(`writing ${file}`, error);
  }
}

/** Nothing of the container's is left here. */
export async function clearMark(stateDir: string, name: string): Promise<void> {
  await rm(fileOf(stateDir, name), { force: true });
}

function fileOf(stateDir: string, name: string): string {
  return join(stateDir, 'rootfs', `${name}.json`);
}
