import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hostFailed } from '../../host/failure.ts';
import { JOURNAL_VERSION } from '../../migration/journal.ts';
import type { RestoreNotes } from '../notes.ts';
import { sync, writeDurably } from '../store/files.ts';

/**
 * Restores that exchange directories note it on the disk as well: a power cut takes the tasks and all other notes, but leaves
 * the directories as they were in that moment.
 */
const FOLDER = 'restores';

const fileOf = (stateDir: string, job: string) => join(stateDir, FOLDER, `${job}.json`);

/** On the disk when it resolves. @throws GodwitError HOST_FAILED */
export async function noteTrees(stateDir: string, notes: RestoreNotes): Promise<void> {
  const file = fileOf(stateDir, notes.job);
  try {
    await mkdir(join(stateDir, FOLDER), { recursive: true, mode: 0o700 });
    await rm(`${file}.new`, { force: true });
    await writeDurably(`${file}.new`, [Buffer.from(JSON.stringify(notes))], new AbortController().signal);
    await rename(`${file}.new`, file);
    await sync(join(stateDir, FOLDER));
  } catch (error) {
    throw hostFailed(`writing ${file}`, error);
  }
}

/** The directories are where they are to be. */
export async function forgetTrees(stateDir: string, job: string): Promise<void> {
  await rm(fileOf(stateDir, job), { force: true });
}

/** What earlier agents have noted and not forgotten. */
export async function leftTrees(stateDir: string): Promise<RestoreNotes[]> {
  const dir = join(stateDir, FOLDER);
  const files = (await readdir(dir).catch(() => [])).filter((name) => name.endsWith('.json'));
  const notes = await Promise.all(
    files.map(async (file) => JSON.parse(await readFile(join(dir, file), 'utf8')) as RestoreNotes),
  );
  return notes.filter(({ version, side }) => version === JOURNAL_VERSION && side === 'restore');
}
