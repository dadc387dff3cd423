import { describe, expect, it } from 'vitest';
import type { ContainerRecord } from '../../protocol/mod.ts';
import type { RuntimeState } from '../runtime/runtime.ts';
import { type Facts, reconcile } from './reconcile.ts';

const OUT = { id: 'j', source: 'n1', target: 'n2', mode: 'cold' };
const IN = { id: 'j', source: 'n2', target: 'n1', mode: 'postcopy' };

function recordOf(change: Partial<ContainerRecord>): ContainerRecord {
  return {
    type: 'io.godwit.v1.record',
    name: 'c',
    uuid: 'u',
    owner: 'n1',
    epoch: 1,
    phase: 'running',
    spec: '<domain/>',
    ...change,
  };
}

const here = (state: RuntimeState): Facts['local'] => ({ defined: true, state, tasks: state !== 'stopped' });
const nothing: Facts['local'] = { defined: false, state: 'unknown', tasks: false };

describe('on n1', () => {
  it.each([
    // Its own, part of no move.
    [{}, here('running'), { kind: 'none' }],
    [{}, here('stopped'), { kind: 'follow', phase: 'stopped' }],
    [{ phase: 'stopped' }, here('stopped'), { kind: 'none' }],
    [{ phase: 'stopped' }, here('running'), { kind: 'follow', phase: 'running' }],
    [{}, nothing, { kind: 'define' }],
    [{}, here('frozen'), { kind: 'none' }],
    [{}, here('unknown'), { kind: 'none' }],
    [{ phase: 'lost' }, here('stopped'), { kind: 'none' }],
    // Its own, on its way out, not committed.
    [{ phase: 'switching', job: OUT }, here('running'), { kind: 'give-back' }],
    [{ phase: 'switching', job: OUT }, here('frozen'), { kind: 'give-back' }],
    [{ phase: 'switching', job: OUT }, here('stopped'), { kind: 'give-back' }],
    // Its own by a commit.
    [{ phase: 'resuming', job: IN }, here('running'), { kind: 'finish' }],
    [{ phase: 'filling', job: IN }, here('running'), { kind: 'finish' }],
    [{ phase: 'resuming', job: IN }, here('stopped'), { kind: 'doubt' }],
    [{ phase: 'filling', job: IN }, here('stopped'), { kind: 'doubt' }],
    [{ phase: 'in-doubt', job: IN }, here('stopped'), { kind: 'doubt' }],
    [{ phase: 'lost', job: IN }, here('frozen'), { kind: 'none' }],
    // Another node's.
    [{ owner: 'n2' }, nothing, { kind: 'none' }],
    [{ owner: 'n2' }, here('stopped'), { kind: 'clear' }],
    [{ owner: 'n2' }, here('running'), { kind: 'fence' }],
    [{ owner: 'n2' }, here('frozen'), { kind: 'fence' }],
    [{ owner: 'n2' }, here('unknown'), { kind: 'fence' }],
    [{ owner: 'n2', phase: 'switching', job: IN }, here('stopped'), { kind: 'clear' }],
  ] as const)('record %o and %o here: %o', (change, local, repair) => {
    expect(reconcile({ node: 'n1', record: recordOf(change), local })).toEqual(repair);
  });

  it.each([
    [nothing, { kind: 'none' }],
    [here('stopped'), { kind: 'clear' }],
    [here('running'), { kind: 'none' }],
  ] as const)('no record and %o here: %o', (local, repair) => {
    expect(reconcile({ node: 'n1', local })).toEqual(repair);
  });
});
