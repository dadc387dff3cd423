import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { sync, writeDurably } from '../checkpoint/store/files.ts';
import { hasCode, hostFailed } from './failure.ts';

/** What an agent must still know after a power cut: one JSON file each in a folder of the state directory. */
export interface NoteFile {
  readonly dir: string;
  /** Of the file, without its ending. */
  readonly name: string;
}

/** On the disk when it resolves. @throws GodwitError HOST_FAILED */
export async function writeNote(note: NoteFile, notes: object): Promise<void> {
  const { dir } = note;
  const file = noteAt(note);
  try {
    const made = await mkdir(dir, { recursive: true, mode: 0o700 });
    if (made !== undefined) await sync(dirname(made));
    await rm(`${file}.new`, { force: true });
    await writeDurably(`${file}.new`, [Buffer.from(JSON.stringify(notes))], new AbortController().signal);
    await rename(`${file}.new`, file);
    await sync(dir);
  } catch (error) {
    throw hostFailed(`writing ${file}`, error);
  }
}

/** Gone for good when it resolves, or it was not there. @throws GodwitError HOST_FAILED */
export async function removeNote(note: NoteFile): Promise<void> {
  const file = noteAt(note);
  try {
    await rm(file);
    await sync(note.dir);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw hostFailed(`removing ${file}`, error);
  }
}

/** @throws Error when it is not there, or is no JSON */
export async function readNote(note: NoteFile): Promise<unknown> {
  return JSON.parse(await readFile(noteAt(note), 'utf8'));
}

/** What `understand` makes of each note in the folder. One that it throws at is left, for somebody to look at, and told to `unreadable`. */
export async function readNotes<Notes>(
  dir: string,
  understand: (notes: unknown) => Notes,
  unreadable: (file: string, error: unknown) => void,
): Promise<Notes[]> {
  const files = (await readdir(dir).catch(() => [])).filter((file) => file.endsWith(ENDING));
  const found: Notes[] = [];
  for (const file of files) {
    try {
      found.push(understand(await readNote({ dir, name: file.slice(0, -ENDING.length) })));
    } catch (error) {
      unreadable(join(dir, file), error);
    }
  }
  return found;
}

const ENDING = '.json';

function noteAt({ dir, name }: NoteFile): string {
  return join(dir, `${name}${ENDING}`);
}
