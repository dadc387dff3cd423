import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hostFailed } from '../host/failure.ts';

/**
 * What this node remembers of a directory that moves with its container, across restarts and power cuts: `root`, and
 * `<root>.migrated` beside it, are copies that godwit made or left. While the container is on another node they are old, and a
 * move that comes back may build on them. The container may have been given another name since.
 */
export interface Mark {
  readonly uuid: string;
  readonly root: string;
}

/** Whether what lies at `root` and beside it is known as this container's. */
export async function isMarked(stateDir: string, { uuid, root }: Mark): Promise<boolean> {
  try {
    const mark: Partial<Mark> = JSON.parse(await readFile(fileOf(stateDir, { uuid, root }), 'utf8'));
    return mark.uuid === uuid && mark.root === root;
  } catch {
    return false;
  }
}

/** On disk when it resolves. @throws GodwitError HOST_FAILED */
export async function setMark(stateDir: string, { uuid, root }: Mark): Promise<void> {
  const file = fileOf(stateDir, { uuid, root });
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
export async function clearMark(stateDir: string, mark: Mark): Promise<void> {
  await rm(fileOf(stateDir, mark), { force: true });
}

function fileOf(stateDir: string, { uuid, root }: Mark): string {
  const digest = createHash('sha256').update(`${uuid}\0${root}`).digest('hex').slice(0, 32);
  return join(stateDir, 'rootfs', `${digest}.json`);
}
