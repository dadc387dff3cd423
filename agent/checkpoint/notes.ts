import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Versioned } from '../bus/bus.ts';
import type { Agent } from '../migration/agent.ts';
import { JOURNAL_VERSION, readNotes, sideDir } from '../migration/journal.ts';
import type { Held } from '../migration/source/held.ts';
import { leftTrees, type TreeNotes } from './restore/tree-notes.ts';

/** What a checkpoint notes down (journal.ts), beside what a source of a move would. */
export interface SaveNotes {
  readonly version: typeof JOURNAL_VERSION;
  readonly side: 'checkpoint';
  readonly job: string;
  readonly container: string;
  readonly checkpoint: string;
  readonly leaveRunning: boolean;
  /** The tasks are held until their directories are copied, though they are to run on. */
  readonly holds?: true;
  /** What may stand still. */
  readonly held?: Held;
  /** The checkpoint is whole and the tasks are being killed: there is no way back. */
  readonly killing?: true;
}

/** What a restore notes down, beside what a target of a move would. */
export interface RestoreNotes {
  readonly version: typeof JOURNAL_VERSION;
  readonly side: 'restore';
  readonly job: string;
  readonly container: string;
  readonly checkpoint: string;
  /** The XML of what is restored. */
  readonly xml: string;
  /** The record before, where there is one. */
  readonly before?: Versioned;
  /** Directories come with it, and take the places of those that are there. */
  readonly withTrees?: true;
}

/** Checkpoints and restores in whose middle an earlier agent died. */
export interface LeftWork {
  readonly saves: readonly SaveNotes[];
  readonly restores: readonly RestoreNotes[];
  /** Restores of which a power cut has left the directories only. */
  readonly trees: readonly TreeNotes[];
}

/** Where the notes of a checkpoint and of a restore lie: as those of the source, or target, of a move. */
export const saveDir = (runDir: string, job: string): string => sideDir(runDir, job, 'source');
export const restoreDir = (runDir: string, job: string): string => sideDir(runDir, job, 'target');

/** Reads what is noted in the job directories. */
export async function findLeftWork(agent: Pick<Agent, 'config' | 'log'>): Promise<LeftWork> {
  const { runDir } = agent.config;
  const jobs = await readdir(join(runDir, 'jobs')).catch(() => []);
  const restores = jobs.flatMap((job) => notesOf<RestoreNotes>(restoreDir(runDir, job), 'restore'));
  const trees = await leftTrees(agent);
  return {
    saves: jobs.flatMap((job) => notesOf<SaveNotes>(saveDir(runDir, job), 'checkpoint')),
    restores,
    trees: trees.filter(({ job }) => restores.every((one) => one.job !== job)),
  };
}

function notesOf<Notes extends SaveNotes | RestoreNotes>(dir: string, side: Notes['side']): Notes[] {
  const notes = readNotes(dir) as Notes | undefined;
  return notes?.version === JOURNAL_VERSION && notes.side === side ? [notes] : [];
}
