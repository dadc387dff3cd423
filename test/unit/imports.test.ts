import { describe, expect, test } from 'vitest';
import { breaches, importsOf, loadedBy } from './import-rules.ts';
import { repositoryFiles } from './repository.ts';

// Tests and what only they load may reach for more.
const TEST_ONLY = /\.test\.ts$|\/fixtures\/|\/testing\b/;
const files = repositoryFiles((path) => /^(protocol|agent|cli)\/.*\.ts$/.test(path) && !TEST_ONLY.test(path));
const isTestOnly = (path: string) => TEST_ONLY.test(path);

describe('the repository', () => {
  test('keeps the rule cli -> protocol <- agent', () => {
    expect(files.length).toBeGreaterThan(30);
    expect(files.flatMap(breaches)).toEqual([]);
  });

  test('production code loads no test code', () => {
    const wrong = files.flatMap((file) =>
      importsOf(file).filter(({ to }) => to.endsWith('.ts') && isTestOnly(to)),
    );
    expect(wrong).toEqual([]);
  });

  test('protocol/mod.ts does not load the XML parser, nor the command line at its start', () => {
    for (const entry of ['protocol/mod.ts', 'cli/start.ts']) {
      const loaded = loadedBy(entry, files);
      if (files.some(({ path }) => path === entry)) expect(loaded.size).toBeGreaterThan(5);
      expect(
        [...loaded].filter((name) => /^(fast-xml-parser|execa|pino|protocol\/domain\/mod\.ts)$/.test(name)),
      ).toEqual([]);
    }
  });

  test('protocol/domain/mod.ts does load it (so the search finds it)', () => {
    expect(loadedBy('protocol/domain/mod.ts', files)).toContain('fast-xml-parser');
  });
});

describe('the rules', () => {
  const file = (path: string, text: string) => ({ path, text });

  test.each([
    ['cli/a.ts', "import { x } from '../agent/x.ts';"],
    ['cli/a.ts', "import type { X } from '../agent/x.ts';"],
    ['cli/a.ts', "const x = await import('../agent/x.ts');"],
    ['cli/a.ts', "import pino from 'pino';"],
    ['cli/a.ts', "const { execa } = await import('execa');"],
    ['agent/b/a.ts', "export * from '../../cli/x.ts';"],
    ['agent/b/a.ts', "import {\n  a,\n  b,\n} from '../../test/x.ts';"],
    ['protocol/a.ts', "import '../agent/x.ts';"],
    ['protocol/a.ts', "import { readFileSync } from 'node:fs';"],
    ['protocol/a.ts', "import { connect } from '@nats-io/transport-node';"],
  ])('%s may not contain: %s', (path, text) => {
    expect(breaches(file(path, text))).toHaveLength(1);
  });

  test.each([
    ['cli/a.ts', "import { x } from '../protocol/mod.ts';\nimport { Command } from 'commander';"],
    ['agent/b/a.ts', "import { execa } from 'execa';\nimport { x } from '../../protocol/mod.ts';"],
    [
      'protocol/domain/a.ts',
      "import { z } from 'zod';\nimport { XMLParser } from 'fast-xml-parser';\nexport * from '../names.ts';",
    ],
    ['test/e2e/a.ts', "import { x } from '../../agent/x.ts';"],
  ])('%s may contain: %s', (path, text) => {
    expect(breaches(file(path, text))).toEqual([]);
  });

  test('types and lazy imports are not loaded at the start', () => {
    const sources = [
      file(
        'cli/main.ts',
        "import type { T } from './t.ts';\nimport { a } from './a.ts';\nawait import('./lazy.ts');",
      ),
      file('cli/a.ts', "export * from 'commander';"),
    ];
    expect([...loadedBy('cli/main.ts', sources)]).toEqual(['cli/main.ts', 'cli/a.ts', 'commander']);
  });
});
