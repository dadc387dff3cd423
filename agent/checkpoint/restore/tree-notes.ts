import { join } from 'node:path';
import { readNote, readNotes, removeNote, writeNote } from '../../host/disk-notes.ts';
import type { Agent } from '../../migration/agent.ts';
import { JOURNAL_VERSION } from '../../migration/journal.ts';
import type { RestoreNotes } from '../notes.ts';

/**
 * Restores that exchange directories note it on the disk as well: a power cut takes the tasks and all other notes, but leaves
 * the directories as they were in that moment.
 */
const folder = (stateDir: string) => join(stateDir, 'restores');

/** What was decided about them, once it is: the record tells it only until the container is used again. */
export type Verdict = 'committed' | 'undone';

export interface TreeNotes extends RestoreNotes {
  readonly verdict?: Verdict;
  /** The revision of the record when the container was let go though its directories were not back; 0: there was none, -1: not known. */
  readonly letGoAt?: number;
}

/** On the disk when it resolves. @throws GodwitError HOST_FAILED */
export function noteTrees(stateDir: string, notes: TreeNotes): Promise<void> {
  return writeNote({ dir: folder(stateDir), name: notes.job }, notes);
}

/** The directories are where they are to be. @throws GodwitError HOST_FAILED */
export function forgetTrees(stateDir: string, job: string): Promise<void> {
  return removeNote({ dir: folder(stateDir), name: job });
}

/** Undefined: it is not decided, or not known. */
export async function notedVerdict(stateDir: string, job: string): Promise<Verdict | undefined> {
  try {
    return ((await readNote({ dir: folder(stateDir), name: job })) as TreeNotes).verdict;
  } catch {
    return undefined;
  }
}

/** What earlier agents have noted and not forgotten. A file that cannot be read stays, for somebody to look at. */
export async function leftTrees({ config, log }: Pick<Agent, 'config' | 'log'>): Promise<TreeNotes[]> {
  const found = await readNotes(
    folder(config.stateDir),
    (notes) => {
      const { version, side } = notes as TreeNotes;
      return version === JOURNAL_VERSION && side === 'restore' ? [notes as TreeNotes] : [];
    },
    (file, err) =>
      log.error({ file, err }, 'cannot be read: where directories of a restore are is not known'),
  );
  return found.flat();
}
