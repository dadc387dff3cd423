import { readdirSync, readFileSync } from 'node:fs';
import { Parser } from '@asyncapi/parser';
import { describe, expect, test } from 'vitest';
import { GENERATED_FOLDERS, renderArtifacts } from '../../protocol/docs/artifacts.ts';
import { kinds } from '../../protocol/docs/kinds.ts';
import { CATALOGUE } from '../../protocol/mod.ts';

const root = new URL('../..', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const artifacts = renderArtifacts(read);

describe('generated files (cure: npm run generate)', () => {
  test.each([...artifacts])('%s is up to date', (path, text) => {
    expect(read(path)).toBe(text);
  });

  test('nothing stale lies beside them', () => {
    const found = GENERATED_FOLDERS.flatMap((folder) =>
      readdirSync(new URL(folder, root)).map((name) => `${folder}/${name}`),
    );
    expect(found.filter((path) => !artifacts.has(path))).toEqual([]);
  });
});

describe('the error page', () => {
  test('has a section for each code, with its exit code in the table', () => {
    const page = read('protocol/ERRORS.md');
    const sections = [...page.matchAll(/^## (\w+)$/gm)].map(([, code]) => code);
    expect(sections).toEqual(Object.keys(CATALOGUE));
    for (const [code, { status, exit }] of Object.entries(CATALOGUE))
      expect(page).toContain(`| [${code}](#${code.toLowerCase()}) | ${status} | ${exit} (`);
  });

  test('knows the meaning of every exit code', () => {
    expect(read('protocol/ERRORS.md')).not.toContain('(other)');
  });
});

describe('the AsyncAPI document', () => {
  test('is valid AsyncAPI 3', async () => {
    const { document, diagnostics } = await new Parser().parse(read('protocol/asyncapi.json'));
    // Severity 0 is an error; remarks about tags, servers and contacts are no faults of ours.
    expect(diagnostics.filter(({ severity }) => severity === 0)).toEqual([]);
    expect(document?.version()).toBe('3.0.0');
    expect(document?.allOperations().all().length).toBeGreaterThan(20);
  }, 120_000);
});

describe('the schemas', () => {
  test('there is one for each kind, of an object whose type is a constant', () => {
    for (const kind of kinds().keys()) {
      const schema = JSON.parse(read(`protocol/schema/${kind}.json`)) as Record<string, unknown>;
      expect(schema).toMatchObject({
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        $id: `https://godwit.dev/schema/v1/${kind}.json`,
        type: 'object',
      });
      if (kind !== 'cloudevent')
        expect(schema.properties).toMatchObject({ type: { const: `io.godwit.v1.${kind}` } });
    }
  });
});
