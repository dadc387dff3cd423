import { posix } from 'node:path';
import type { SourceFile } from './repository.ts';

/** One import as it stands in a file. */
export interface Import {
  readonly from: string;
  /** A path in the repository for a relative one, a package or builtin otherwise. */
  readonly to: string;
  /** Gone after compilation: costs nothing at run time. */
  readonly typeOnly: boolean;
  /** `import()`: loaded when it is reached. */
  readonly lazy: boolean;
}

const STATIC = /^[ \t]*(?:import|export)\s+(?:(?<clause>[\w$\s,{}*]+?)\s*\bfrom\s*)?['"](?<to>[^'"]+)['"]/gm;
const DYNAMIC = /\bimport\(\s*['"](?<to>[^'"]+)['"]\s*\)/g;
// What a package of ours may import besides itself. Tests may use more.
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  protocol: ['protocol'],
  cli: ['cli', 'protocol'],
  agent: ['agent', 'protocol'],
};
const PROTOCOL_PACKAGES = ['zod', 'fast-xml-parser'];
const NOT_IN_CLI = ['execa', 'pino'];

/** Every import of a TypeScript file. */
export function importsOf({ path, text }: SourceFile): Import[] {
  const resolve = (to: string) => (to.startsWith('.') ? posix.join(posix.dirname(path), to) : to);
  const named = (match: RegExpMatchArray) => resolve(match.groups?.to ?? '');
  return [
    ...[...text.matchAll(STATIC)].map((match) => ({
      from: path,
      to: named(match),
      typeOnly: /^\s*type\b/.test(match.groups?.clause ?? ''),
      lazy: false,
    })),
    ...[...text.matchAll(DYNAMIC)].map((match) => ({
      from: path,
      to: named(match),
      typeOnly: false,
      lazy: true,
    })),
  ];
}

/** Breaches of the one-way rule `cli -> protocol <- agent`, one line each. `file` is no test. */
export function breaches(file: SourceFile): string[] {
  const [top = ''] = file.path.split('/');
  const folders = ALLOWED[top];
  if (!folders) return [];
  return importsOf(file).flatMap(({ to }) => {
    const complaint = (rule: string) => [`${file.path} imports ${to}: ${rule}`];
    const inside = to.includes('/') && to.split('/')[0] !== undefined && isRepositoryPath(to);
    if (inside && !folders.includes(to.split('/')[0] ?? ''))
      return complaint(`${top} may import ${folders.join(' and ')} only`);
    if (inside) return [];
    if (top === 'protocol' && !PROTOCOL_PACKAGES.includes(to))
      return complaint(`protocol may import ${PROTOCOL_PACKAGES.join(' and ')} only`);
    if (top === 'cli' && NOT_IN_CLI.includes(to)) return complaint('it costs start-up time');
    return [];
  });
}

/** What is loaded when `entry` starts: files and packages reached by imports that are neither types nor lazy. */
export function loadedBy(entry: string, files: readonly SourceFile[]): Set<string> {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const loaded = new Set<string>();
  const visit = (path: string): void => {
    if (loaded.has(path)) return;
    loaded.add(path);
    const file = byPath.get(path);
    for (const { to, typeOnly, lazy } of file ? importsOf(file) : []) if (!typeOnly && !lazy) visit(to);
  };
  visit(entry);
  return loaded;
}

function isRepositoryPath(to: string): boolean {
  return /^(protocol|agent|cli|test|deploy)\//.test(to) && /\.(ts|mjs)$/.test(to);
}
