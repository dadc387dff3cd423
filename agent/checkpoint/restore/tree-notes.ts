import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hasCode, hostFailed } from '../../host/failure.ts';
import type { Agent } from '../../migration/agent.ts';
import { JOURNAL_VERSION } from '../../migration/journal.ts';
import type { RestoreNotes } from '../notes.ts';
import { sync, writeDurably } from '../store/files.ts';

/**
 * Restores that exchange directories note it on the disk as well: a power cut takes the tasks and all other notes, but leaves
 * the directories as they were in that moment.
 */
const FOLDER = 'restores';

const fileOf = (stateDir: string, job: string) => join(stateDir, FOLDER, `${job}.json`);

/** What was decided about them, once it is: the record tells it only until the container is used again. */
export type Verdict = 'committed' | 'undone';

export interface TreeNotes extends RestoreNotes {
  readonly verdict?: Verdict;
}

/** On the disk when it resolves. @throws GodwitError HOST_FAILED */
export async function noteTrees(stateDir: string, notes: TreeNotes): Promise<void> {
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

/** The directories are where they are to be. @throws GodwitError HOST_FAILED */
export async function forgetTrees(stateDir: string, job: string): Promise<void> {
  try {
    await rm(fileOf(stateDir, job));
    await sync(join(stateDir, FOLDER));
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw hostFailed(`removing ${fileOf(stateDir, job)}`, error);
  }
}

/** Undefined: it is not decided, or not known. */
export async function notedVerdict(stateDir: string, job: string): Promise<Verdict | undefined> {
  try {
    return (JSON.parse(await readFile(fileOf(stateDir, job), 'utf8')) as TreeNotes).verdict;
  } catch {
    return undefined;
  }
}

/** What earlier agents have noted and not forgotten. A file that cannot be read stays, for somebody to look at. */
export async function leftTrees({ config, log }: Pick<Agent, 'config' | 'log'>): Promise<TreeNotes[]> {
  const dir = join(config.stateDir, FOLDER);
  const files = (await readdir(dir).catch(() => [])).filter((name) => name.endsWith('.json'));
  const found: TreeNotes[] = [];
  for (const file of files) {
    try {
      const notes = JSON.parse(await readFile(join(dir, file), 'utf8')) as TreeNotes;
      if (notes.version === JOURNAL_VERSION && notes.side === 'restore') found.push(notes);
    } catch (error) {
      log.error(
        { file: join(dir, file), err: error },
        'cannot be read: where directories of a restore are is not known',
      );
    }
  }
  return found;
}
