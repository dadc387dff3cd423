import type { SourceFile } from './repository.ts';

const MAX_LINES = 300;
/** Test files are tables of cases: they may be longer before they are about two things. */
const MAX_TEST_LINES = 400;
const GENERATED =
  /^(package-lock\.json|protocol\/asyncapi\.json|protocol\/ERRORS\.md|protocol\/schema\/.*|test\/bench\/reference\/bench\.json|test\/e2e\/chaos\/RESULTS\.md)$/;
// Written in two parts, for this file is searched as well.
const TASK = new RegExp(
  `\\b(${['TO', 'DO'].join('')}|${['FIX', 'ME'].join('')}|${['XX', 'X'].join('')})\\b(.*)`,
);
const MACHINE = /(^|[^\w.~-])\/(home|Users|work)\/[A-Za-z0-9_]/;

/** Files that are too long to be about one thing. */
export function longFiles(files: readonly SourceFile[]): string[] {
  return files
    .filter(({ path }) => !GENERATED.test(path))
    .map(({ path, text }) => ({ path, lines: text.replace(/\n$/, '').split('\n').length }))
    .filter(
      ({ path, lines }) =>
        lines > (path.startsWith('test/') || path.endsWith('.test.ts') ? MAX_TEST_LINES : MAX_LINES),
    )
    .map(({ path, lines }) => `${path} has ${lines} lines`);
}

/** Marks of unfinished work that do not say, in brackets, what they wait for. */
export function openTasks(files: readonly SourceFile[]): string[] {
  return places(files, (line) => {
    const [, mark, rest = ''] = TASK.exec(line) ?? [];
    return mark !== undefined && !/^\([^)]{8,}\)/.test(rest) ? `${mark}${rest}` : undefined;
  });
}

/** Paths that exist on the machine of whoever wrote the line. */
export function machinePaths(files: readonly SourceFile[]): string[] {
  return places(files, (line) => MACHINE.exec(line)?.[0]);
}

function places(files: readonly SourceFile[], find: (line: string) => string | undefined): string[] {
  return files
    .filter(({ path }) => path !== 'package-lock.json')
    .flatMap(({ path, text }) =>
      text.split('\n').flatMap((line, index) => {
        const found = find(line);
        return found === undefined ? [] : [`${path}:${index + 1} ${found}`];
      }),
    );
}
