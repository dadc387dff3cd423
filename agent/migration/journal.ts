import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Logger } from 'pino';
import { GodwitError } from '../../protocol/mod.ts';

const FILE = 'move.json';
/** Another one: notes of an agent whose words this one does not know. */
export const JOURNAL_VERSION = 1;

export const SIDES = ['source', 'target'] as const;

/** Where one side of a move keeps everything: `<run dir>/jobs/<job>/<side>`. On tmpfs: it goes with a power cut, as its processes do. */
export function sideDir(runDir: string, job: string, side: (typeof SIDES)[number]): string {
  return join(runDir, 'jobs', job, side);
}

/**
 * What one side of a move has to know so that another agent can go on when this one has died. Each change is in the file
 * before the step that it tells of is taken, hence the synchronous writes: the file system is a tmpfs, they take well
 * below a millisecond.
 */
export class Journal<Notes extends object> {
  private readonly dir: string;
  private readonly log: Logger;
  private now: Notes;
  private over = false;

  /** Makes the directory and the first notes. @throws GodwitError HOST_FAILED */
  static begin<Notes extends object>(dir: string, notes: Notes, log: Logger): Journal<Notes> {
    try {
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      write(dir, notes);
    } catch (error) {
      throw new GodwitError('HOST_FAILED', { action: `making ${dir}`, problem: (error as Error).message });
    }
    return new Journal(dir, notes, log);
  }

  /** Goes on with the notes of an agent that died. */
  constructor(dir: string, notes: Notes, log: Logger) {
    this.dir = dir;
    this.now = notes;
    this.log = log;
  }

  get notes(): Notes {
    return this.now;
  }

  /**
   * Without room for the notes the move goes on: they are for an agent that dies as well. Only where the notes before would
   * mislead that one they must be made.
   * @throws GodwitError HOST_FAILED when they must and cannot; nothing has changed then
   */
  note(changes: Partial<Notes>, must = false): void {
    const before = this.now;
    this.now = { ...before, ...changes };
    if (this.over) return;
    try {
      write(this.dir, this.now);
    } catch (error) {
      if (must) {
        this.now = before;
        throw new GodwitError('HOST_FAILED', {
          action: `writing ${this.dir}`,
          problem: (error as Error).message,
        });
      }
      this.log.error({ err: error, dir: this.dir }, 'a move could not be noted down');
    }
  }

  /** The move is over here, nothing of it is left: removes the job's directory. */
  async close(): Promise<void> {
    this.over = true;
    await rm(dirname(this.dir), { recursive: true, force: true });
  }
}

/** The notes in a directory; undefined where there are none, or none that can be read. */
export function readNotes(dir: string): { readonly version?: unknown } | undefined {
  try {
    const notes: unknown = JSON.parse(readFileSync(join(dir, FILE), 'utf8'));
    return typeof notes === 'object' && notes !== null ? notes : undefined;
  } catch {
    return undefined;
  }
}

function write(dir: string, notes: object): void {
  const file = join(dir, FILE);
  writeFileSync(`${file}.new`, JSON.stringify({ ...notes, version: JOURNAL_VERSION }), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
