import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hostFailed } from '../host/failure.ts';

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

/** What earlier agents have noted and not forgotten. */
export async function leftRenames(stateDir: string): Promise<RenameNotes[]> {
  const names = await readdir(folder(stateDir)).catch(() => []);
  const files = names.filter((name) => name.endsWith('.json'));
  return Promise.all(
    files.map(async (file) => JSON.parse(await readFile(join(folder(stateDir), file), 'utf8'))),
  );
}
