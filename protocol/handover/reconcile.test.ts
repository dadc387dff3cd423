import { describe, expect, it } from 'vitest';
import type { ContainerRecord } from '../record.ts';
import { reconcileRecord } from './reconcile.ts';

const JOB = { id: 'j', source: 'n1', target: 'n2', mode: 'cold' };
const RECORD: ContainerRecord = {
  type: 'io.godwit.v1.record',
  name: 'web',
  uuid: '6f1b6f0e-6a6e-4a53-9a52-0d1f6a1f6b01',
  owner: 'n1',
  epoch: 4,
  phase: 'running',
  spec: '',
};

describe('reconcileRecord', () => {
  it('says that a container is stopped whose node lost power', () => {
    expect(reconcileRecord(RECORD, { node: 'n1', running: false })).toEqual({ ...RECORD, phase: 'stopped' });
    expect(reconcileRecord(RECORD, { node: 'n1', running: true })).toBeUndefined();
    expect(reconcileRecord(RECORD, { node: 'n2', running: false })).toBeUndefined();
  });

  it('takes a move back that the source knows nothing of any more', () => {
    const moving: ContainerRecord = { ...RECORD, phase: 'switching', job: JOB };
    expect(reconcileRecord(moving, { node: 'n1', running: false })).toEqual({ ...RECORD, phase: 'stopped' });
    expect(reconcileRecord(moving, { node: 'n1', running: true })).toEqual({ ...RECORD, phase: 'running' });
    expect(reconcileRecord(moving, { node: 'n2', running: false })).toBeUndefined();
  });

  it.each(['resuming', 'filling'] as const)('doubts what was %s at a target that lost its copy', (phase) => {
    const committed: ContainerRecord = { ...RECORD, owner: 'n2', epoch: 5, phase, job: JOB };
    expect(reconcileRecord(committed, { node: 'n2', running: false })).toEqual({
      ...committed,
      phase: 'in-doubt',
    });
    expect(reconcileRecord(committed, { node: 'n1', running: false })).toBeUndefined();
  });

  it.each(['in-doubt', 'lost'] as const)('is %s for good when the source has no copy either', (phase) => {
    const waiting: ContainerRecord = { ...RECORD, owner: 'n2', epoch: 5, phase, job: JOB };
    const lost = { ...RECORD, owner: 'n2', epoch: 5, phase: 'lost' };
    expect(reconcileRecord(waiting, { node: 'n1', running: false })).toEqual(lost);
    expect(reconcileRecord(waiting, { node: 'n2', running: false })).toBeUndefined();
  });
});
