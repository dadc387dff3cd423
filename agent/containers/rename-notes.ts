import { join } from 'node:path';
import { readNotes, removeNote, writeNote } from '../host/disk-notes.ts';
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

/** On the disk when it resolves. @throws GodwitError HOST_FAILED */
export function noteRename(stateDir: string, notes: RenameNotes): Promise<void> {
  return writeNote({ dir: folder(stateDir), name: notes.name }, notes);
}

/** It is over, one way or the other. @throws GodwitError HOST_FAILED */
export function forgetRename(stateDir: string, { name }: Pick<RenameNotes, 'name'>): Promise<void> {
  return removeNote({ dir: folder(stateDir), name });
}

/** What earlier agents have noted and not forgotten. A file that cannot be read stays, for somebody to look at. */
export function leftRenames({ config, log }: Pick<Agent, 'config' | 'log'>): Promise<RenameNotes[]> {
  return readNotes(
    folder(config.stateDir),
    (notes) => {
      const { name, wanted, uuid, revision } = notes as RenameNotes;
      if (!name || !wanted || !uuid || revision === undefined)
        throw new Error('it is not the note of a rename');
      return { name, wanted, uuid, revision };
    },
    (file, err) => log.error({ file, err }, 'cannot be read: which of two names is to go is not known'),
  );
}
