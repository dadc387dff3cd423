import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Agent } from '../migration/agent.ts';
import { readNotes, sideDir } from '../migration/journal.ts';
import { type SourceNotes, sourceNotes } from '../migration/source/notes.ts';
import { type TargetNotes, targetNotes } from '../migration/target/notes.ts';

/** Moves in whose middle an earlier agent died. */
export interface LeftMoves {
  readonly leaving: readonly SourceNotes[];
  readonly arriving: readonly TargetNotes[];
}

/** Reads what is noted in the job directories; notes that cannot be read leave their container to its record. */
export async function findLeftMoves({ config, log }: Agent): Promise<LeftMoves> {
  const leaving: SourceNotes[] = [];
  const arriving: TargetNotes[] = [];
  for (const job of await readdir(join(config.runDir, 'jobs')).catch(() => [])) {
    try {
      const source = sourceNotes(readNotes(sideDir(config.runDir, job, 'source')));
      const target = targetNotes(readNotes(sideDir(config.runDir, job, 'target')));
      if (source) leaving.push(source);
      if (target) arriving.push(target);
    } catch (error) {
      log.error({ job, err: error }, 'the notes of a move cannot be read');
    }
  }
  return { leaving, arriving };
}
