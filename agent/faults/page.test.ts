import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { renderFaultPage } from './page.ts';
import { POINTS } from './points.ts';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');

test('the page of fault points is up to date (cure: npm run generate)', () => {
  expect(read('README.md')).toBe(renderFaultPage());
});

test.each(['source', 'target'] as const)('every effect of the %s core has its fault point', (side) => {
  const core = read(`../../protocol/handover/${side}-words.ts`);
  const effects = core.slice(core.indexOf('Effect ='), core.indexOf('Step = Step<'));
  const kinds = [...effects.matchAll(/kind: '([\w-]+)'/g)].map(([, kind]) => `${side}.${kind}`);
  expect(kinds.length).toBeGreaterThan(8);
  expect(kinds.filter((kind) => !(kind in POINTS))).toEqual([]);
});

test('every point is somewhere on the way of a move', () => {
  const places = [
    'source/copy.ts',
    'source/job.ts',
    'source/move.ts',
    'source/negotiate.ts',
    'source/rootfs.ts',
    'source/way.ts',
    'target/copy.ts',
    'target/move.ts',
    'target/prepare.ts',
    'target/rounds.ts',
    '../rootfs/receiver.ts',
  ].map((file) => read(`../migration/${file}`));
  const cores = ['source', 'target'].map((side) => read(`../../protocol/handover/${side}-words.ts`));
  const missing = Object.keys(POINTS).filter((point) => {
    const step = point.slice(point.indexOf('.') + 1);
    return !places.some((text) => text.includes(`'${point}'`)) && !cores.join().includes(`'${step}'`);
  });
  expect(missing).toEqual([]);
});
