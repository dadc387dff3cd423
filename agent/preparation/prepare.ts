import { rename, rm, writeFile } from 'node:fs/promises';
import { type DomainSpec, LIMITS, type PreparedFile } from '../../protocol/mod.ts';
import { hostFailed } from '../host/failure.ts';
import { entryOf, openInside, readEntry, removeEmptyInside } from '../host/inside.ts';
import { type Change, MAPPED_CHANGES, MARK, SERVICES_CHANGE, SYSTEMD_CHANGES } from './changes.ts';
import { initKind } from './init-kind.ts';

/** What is to be done with a container's root. */
export type Preparing = 'check' | 'apply' | 'undo';

export interface Preparation {
  readonly init: 'systemd' | 'other';
  readonly files: readonly PreparedFile[];
}

/**
 * Compares the container's root with what a container with systemd needs for a move; `apply` writes what is missing,
 * `undo` removes what was written. Neither touches a file that godwit did not write, nor a running process: systemd reads
 * these files when the container starts. @throws GodwitError HOST_FAILED
 */
export async function prepareRootfs(
  { os, root, idmap }: Pick<DomainSpec, 'os' | 'root' | 'idmap'>,
  action: Preparing,
): Promise<Preparation> {
  try {
    const init = await initKind(root.source, os.init);
    if (init === 'other') return { init, files: [] };
    const files: PreparedFile[] = [];
    const changes = idmap ? [...SYSTEMD_CHANGES, ...MAPPED_CHANGES] : SYSTEMD_CHANGES;
    for (const change of changes) files.push(await perform(root.source, change, action));
    return { init, files };
  } catch (error) {
    throw hostFailed(`preparing ${root.source}`, error);
  }
}

/**
 * Whether the init of this root takes the word of a service from any of its processes, as the changes have it.
 * @throws GodwitError HOST_FAILED
 */
export async function hearsServices({ root }: Pick<DomainSpec, 'root'>): Promise<boolean> {
  try {
    return (await stateOf(root.source, SERVICES_CHANGE)) === 'there';
  } catch (error) {
    throw hostFailed(`looking at ${root.source}`, error);
  }
}

async function perform(root: string, change: Change, action: Preparing): Promise<PreparedFile> {
  const { path, text, why, cost } = change;
  const found = await stateOf(root, change);
  const told = (state: PreparedFile['state']): PreparedFile => ({
    path: `/${path}`,
    state,
    content: text,
    why,
    cost,
  });
  if (action === 'apply' && (found === 'missing' || found === 'old')) {
    await write(root, change);
    return told('written');
  }
  if (action === 'undo' && (found === 'there' || found === 'old')) {
    await remove(root, change);
    return told('removed');
  }
  return told(found);
}

async function stateOf(
  root: string,
  { path, text }: Change,
): Promise<'there' | 'missing' | 'old' | 'foreign'> {
  const { parents, name } = split(path);
  const directory = await openInside(root, parents);
  if (!directory) return 'missing';
  try {
    const found = await readEntry(directory, name, LIMITS.preparedBytes);
    if (!found) return 'missing';
    if (!('text' in found) || !found.text.startsWith(MARK)) return 'foreign';
    return found.text === text ? 'there' : 'old';
  } finally {
    await directory.close();
  }
}

/** Whole or not at all. */
async function write(root: string, { path, text }: Change): Promise<void> {
  const { parents, name } = split(path);
  const directory = await openInside(root, parents, { make: true });
  if (!directory) throw new Error(`${path} cannot be made`);
  const fresh = entryOf(directory, `.${name}.godwit`);
  try {
    await rm(fresh, { force: true });
    await writeFile(fresh, text, { mode: 0o644, flag: 'wx' });
    await rename(fresh, entryOf(directory, name));
  } finally {
    await directory.close();
  }
}

async function remove(root: string, { path }: Change): Promise<void> {
  const { parents, name } = split(path);
  const directory = await openInside(root, parents);
  if (!directory) return;
  try {
    await rm(entryOf(directory, name), { force: true });
  } finally {
    await directory.close();
  }
  // Directories of drop-ins; others have files of the distribution in them.
  if (/\.d$/.test(parents.at(-1) ?? '')) await removeEmptyInside(root, parents);
}

function split(path: string): { readonly parents: readonly string[]; readonly name: string } {
  const parts = path.split('/');
  return { parents: parts.slice(0, -1), name: parts.at(-1) ?? '' };
}
