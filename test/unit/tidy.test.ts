import { describe, expect, test } from 'vitest';
import { repositoryFiles } from './repository.ts';
import { longFiles, machinePaths, openTasks } from './tidy-rules.ts';

const TEXT = /\.(ts|mjs|js|json|md|toml|sh|xml|service|yml|yaml|conf)$|^deploy\/lab\/lab$|^\.ci\/run$/;
const files = repositoryFiles((path) => TEXT.test(path));

describe('the repository', () => {
  test('has files to look at', () => {
    expect(files.length).toBeGreaterThan(50);
  });

  test('has no file that is too long, but for generated ones', () => {
    expect(longFiles(files)).toEqual([]);
  });

  test('has no open task without a reason', () => {
    expect(openTasks(files)).toEqual([]);
  });

  test("names no path of somebody's machine", () => {
    expect(machinePaths(files)).toEqual([]);
  });

  test('the lock file names no registry host', () => {
    const lock = files.find(({ path }) => path === 'package-lock.json');
    expect(lock?.text).toContain('"lockfileVersion"');
    expect(lock?.text).not.toMatch(/"resolved": "http/);
  });
});

describe('the rules', () => {
  const one = (text: string, path = 'agent/a.ts') => [{ path, text }];

  test('count lines', () => {
    expect(longFiles(one('x\n'.repeat(300)))).toEqual([]);
    expect(longFiles(one('x\n'.repeat(301)))).toEqual(['agent/a.ts has 301 lines']);
    expect(longFiles(one('x\n'.repeat(999), 'protocol/asyncapi.json'))).toEqual([]);
  });

  test('find open tasks', () => {
    const [mark] = ['TO', 'FIX'].map((start) => start + (start === 'TO' ? 'DO' : 'ME'));
    expect(openTasks(one(`// ${mark}`))).toHaveLength(1);
    expect(openTasks(one(`a\n// ${mark} later`))).toEqual([`agent/a.ts:2 ${mark} later`]);
    expect(openTasks(one(`// ${mark}(lxc 7.0.1 reports the pid itself): drop this`))).toEqual([]);
  });

  test('find machine paths', () => {
    for (const path of [
      ['', 'home', 'someone', 'x'],
      ['', 'Users', 'someone'],
      ['', 'work', 'main', 'a.ts'],
    ])
      expect(machinePaths(one(`const x = '${path.join('/')}';`))).toHaveLength(1);
    expect(machinePaths(one("const x = '/var/lib/godwit';"))).toEqual([]);
  });
});
