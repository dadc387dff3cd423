import { expect, it } from 'vitest';
import { LIMITS, type Refusal } from '../../../protocol/mod.ts';
import { refuse } from '../../preflight/catalogue.ts';
import { busyNode, noTarget } from './place.ts';

const full = (node: string) => refuse('JOBS_FULL', node, '1 incoming move of at most 1');
const excluded = (node: string) => refuse('NODE_EXCLUDED', node, node);
const many = Array.from({ length: LIMITS.refusals }, (_none, index) => `n${index}`);

/** What is waited for when all nodes have said this. */
function waitsFor(...refusals: readonly Refusal[]): string | undefined {
  const error = noTarget('web', [], refusals);
  expect((error.details.refusals as readonly Refusal[]).length).toBeLessThanOrEqual(LIMITS.refusals);
  return busyNode(error);
}

it('waits for a node that is only busy, however many others refuse', () => {
  expect(waitsFor(...many.map(excluded), full('busy'))).toBe('busy');
});

it('waits for no node that would refuse anyway, though not all of its reasons are told', () => {
  expect(waitsFor(full('both'), ...many.map(excluded), excluded('both'))).toBe(undefined);
  expect(waitsFor(...many.flatMap((node) => [full(node), excluded(node)]))).toBe(undefined);
});
