import type { CasAnswer, RecordView } from '../../../../protocol/mod.ts';
import type { State, Write } from './state.ts';

export interface Answered {
  readonly answer: CasAnswer;
  readonly state: State;
  /** The record after a write that was applied and answered. */
  readonly seen?: RecordView;
}

/** Everything that can become of one compare-and-swap: a clear answer, or for a fault none, with or without effect. */
export function swap(state: State, write: Write): Answered[] {
  const fits = state.record.revision === write.at;
  const applied = fits ? apply(state, write) : state;
  const clear: Answered = fits
    ? { answer: 'ok', state: applied, seen: applied.record }
    : { answer: 'conflict', state };
  if (state.faultsLeft === 0) return [clear];
  const silent = (next: State): Answered => ({ answer: 'unknown', state: fault(next) });
  if (!fits) return [clear, silent(state)];
  return [clear, silent(state), silent(applied), silent({ ...state, writes: [...state.writes, write] })];
}

/** The newest record, or for a fault the one before it. */
export function reads(state: State): { readonly state: State; readonly view: RecordView }[] {
  const now = { state, view: state.record };
  if (state.faultsLeft === 0 || state.before.revision === state.record.revision) return [now];
  return [now, { state: fault(state), view: state.before }];
}

/** A write whose caller is gone reaches the store, or never does. */
export function land(state: State, index: number): State {
  const write = state.writes[index];
  const writes = state.writes.filter((_, at) => at !== index);
  if (!write || state.record.revision !== write.at) return { ...state, writes };
  return apply({ ...state, writes }, write);
}

export function apply(state: State, { record }: Write): State {
  const next = { ...record, revision: state.record.revision + 1 };
  return { ...state, before: state.record, record: next };
}

export function fault(state: State): State {
  return { ...state, faultsLeft: state.faultsLeft - 1 };
}

export function newer(one: RecordView | undefined, other: RecordView): RecordView {
  return one && one.revision > other.revision ? one : other;
}

export function withoutJob({ owner, epoch }: RecordView): Write['record'] {
  return { owner, epoch, phase: 'running' };
}
