import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hostFailed } from '../host/failure.ts';
import type { Agent } from '../migration/agent.ts';

/** A rename under way: an agent that finds it when it starts knows which of two records is to go. */
export interface RenameNotes {
  readonly name: string;
  readonly wanted: string;
  readonly uuid: string;
  /** Of the old record. */
  readonly revision: number;
}

const folder = (stateDir: string) => join(stateDir, 'renames');
const fileOf = (stateDir: string, { name }: Pick<RenameNotes, 'name'>) =>
  join(folder(stateDir), `${name}.json`);

/** On the disk when it resolves. @throws GodwitError HOST_FAILED */
export async function noteRename(stateDir: string, notes: RenameNotes): Promise<void> {
  const file = fileOf(stateDir, notes);
  try {
    await mkdir(folder(stateDir), { recursive: true, mode: 0o700 });
    const handle = await open(`${file}.new`, 'w', 0o600);
    try {
      await handle.writeFile(JSON.stringify(notes));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(`${file}.new`, file);
  } catch (error) {
    throw hostFailed(`writing ${file}`, error);
  }
}

/** It is over, one way or the other. */
export async function forgetRename(stateDir: string, notes: Pick<RenameNotes, 'name'>): Promise<void> {
  await rm(fileOf(stateDir, notes), { force: true });
}

/** What earlier agents have noted and not forgotten. A file that cannot be read stays, for somebody to look at. */
export async function leftRenames({ config, log }: Pick<Agent, 'config' | 'log'>): Promise<RenameNotes[]> {
  const dir = folder(config.stateDir);
  const files = (await readdir(dir).catch(() => [])).filter((name) => name.endsWith('.json'));
  const found: RenameNotes[] = [];
  for (const file of files) {
    try {
      const notes: Partial<RenameNotes> = JSON.parse(await readFile(join(dir, file), 'utf8'));
      const { name, wanted, uuid, revision } = notes;
      if (!name || !wanted || !uuid || revision === undefined)
        throw new Error('it is not the note of a rename');
      found.push({ name, wanted, uuid, revision });
    } catch (error) {
      log.error(
        { file: join(dir, file), err: error },
        'cannot be read: which of two names is to go is not known',
      );
    }
  }
  return found;
}
