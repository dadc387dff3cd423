import { expect, it } from 'vitest';
import { minimal } from '../../protocol/domain/fixtures/documents.ts';
import { parseDomain } from '../../protocol/domain/mod.ts';
import type { DomainSpec } from '../../protocol/mod.ts';
import type { PlaceFacts } from './facts.ts';
import { withArrivals } from './users.ts';

const place = (root: string): PlaceFacts => ({
  root,
  room: 'free',
  disk: '1',
  availableBytes: 1,
  basisBytes: 0,
});
const spec = parseDomain(minimal(), { file: 'test' });
const arriving = (name: string, source: string): DomainSpec => ({
  ...spec,
  name,
  root: { ...spec.root, source },
});

it('a place that another container takes just now is taken, and so is what lies in it and around it', () => {
  const rooms = (...others: readonly DomainSpec[]) =>
    withArrivals([place('/data/a'), place('/data/b')], { name: 'mine' }, others).map(({ room }) => room);
  expect(rooms()).toEqual(['free', 'free']);
  expect(rooms(arriving('other', '/data/a'))).toEqual(['taken', 'free']);
  expect(rooms(arriving('other', '/data/a/deep'))).toEqual(['taken', 'free']);
  expect(rooms(arriving('other', '/data'))).toEqual(['taken', 'taken']);
  expect(rooms(arriving('mine', '/data/a'))).toEqual(['free', 'free']);
});
