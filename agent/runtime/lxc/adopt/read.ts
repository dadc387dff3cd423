import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { refused } from './refused.ts';

/** Files that one configuration may consist of, and how deep they may include each other. */
const FILES = 64;
const DEPTH = 8;
const FILE_BYTES = 1024 * 1024;

/** Where something stands. */
export interface Place {
  readonly file: string;
  readonly line: number;
}

/** One line of LXC's configuration. */
export interface Setting extends Place {
  readonly key: string;
  readonly value: string;
}

/**
 * Every setting of a configuration in the order LXC reads them, included files and directories in their place. An empty
 * value takes back what the key had so far. @throws GodwitError LXC_REFUSED
 */
export async function readSettings(file: string, container: string): Promise<Setting[]> {
  let files = 0;
  const read = async (path: string, depth: number, from: Place): Promise<Setting[]> => {
    files += 1;
    if (files > FILES || depth > DEPTH)
      throw refused(container, [{ file: from.file, line: from.line, problem: 'too many included files' }]);
    const settings: Setting[] = [];
    for (const setting of parseSettings(await textOf(path, from, container), path, container)) {
      if (setting.key !== 'lxc.include') settings.push(setting);
      else
        for (const included of await filesOf(setting, container))
          settings.push(...(await read(included, depth + 1, setting)));
    }
    return settings;
  };
  return withoutCleared(await read(file, 0, { file, line: 1 }));
}

/** The lines of one file as LXC takes them: blanks trimmed, `#` for a comment, one pair of quotes stripped. */
export function parseSettings(text: string, file: string, container: string): Setting[] {
  return text.split('\n').flatMap((raw, index) => {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) return [];
    const at = line.indexOf('=');
    if (at === -1)
      throw refused(container, [
        { file, line: index + 1, problem: `${JSON.stringify(line.slice(0, 80))} is not a setting` },
      ]);
    const value = line.slice(at + 1).trim();
    const quoted = value.length > 1 && /^["']/.test(value) && value.at(-1) === value[0];
    return {
      key: line.slice(0, at).trim(),
      value: quoted ? value.slice(1, -1) : value,
      file,
      line: index + 1,
    };
  });
}

async function filesOf(setting: Setting, container: string): Promise<string[]> {
  const { value, file, line } = setting;
  const info = await stat(value).catch(() => undefined);
  if (!info) throw refused(container, [{ file, line, problem: `the included ${value} is not there` }]);
  if (!info.isDirectory()) return [value];
  const names = (await readdir(value)).filter((name) => name.endsWith('.conf'));
  return names.sort().map((name) => join(value, name));
}

async function textOf(path: string, from: Place, container: string): Promise<string> {
  try {
    if ((await stat(path)).size > FILE_BYTES) throw new Error('the file is too large');
    return await readFile(path, 'utf8');
  } catch (error) {
    throw refused(container, [
      { file: from.file, line: from.line, problem: `${path}: ${(error as Error).message}` },
    ]);
  }
}

/** `lxc.net =` takes back every `lxc.net.…`, `lxc.cap.drop =` the capabilities dropped so far. */
function withoutCleared(settings: readonly Setting[]): Setting[] {
  return settings.filter(({ key, value }, index) => {
    if (value === '') return false;
    return !settings
      .slice(index + 1)
      .some((later) => later.value === '' && (key === later.key || key.startsWith(`${later.key}.`)));
  });
}
