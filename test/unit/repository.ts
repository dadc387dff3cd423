import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
// What a build, an install or a checkout leaves in a working copy.
const SKIPPED = new Set(['node_modules', 'dist', '.git', 'coverage']);

/** One text file of the repository; the path is relative to its root, with `/`. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

/** Every text file whose path passes `wanted`. */
export function repositoryFiles(wanted: (path: string) => boolean): SourceFile[] {
  return walk(ROOT)
    .map((file) => ({ file, path: relative(ROOT, file).replaceAll('\\', '/') }))
    .filter(({ path }) => wanted(path))
    .map(({ file, path }) => ({ path, text: readFileSync(file, 'utf8') }))
    .filter(({ text }) => !text.includes('\0'));
}

function walk(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    if (SKIPPED.has(entry.name)) return [];
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return walk(path);
    return entry.isFile() ? [path] : [];
  });
}
