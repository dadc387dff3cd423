import {
  recoverSource,
  recoverTarget,
  type SourceEvent,
  type SourceState,
  type SourceStep,
  sourceStep,
  type TargetEvent,
  type TargetState,
  type TargetStep,
  targetStep,
} from '../../../protocol/mod.ts';

/** What is different in a run; nothing, or one mistake that somebody could make. */
export interface Variant {
  readonly sourceStep?: (state: SourceState, event: SourceEvent) => SourceStep;
  readonly targetStep?: (state: TargetState, event: TargetEvent) => TargetStep;
  readonly recoverSource?: (state: SourceState) => SourceStep;
  readonly recoverTarget?: (state: TargetState) => TargetStep;
  /** Writes do not look at the revision. */
  readonly unconditional?: boolean;
  /** The killed copy is thawed before its tasks are dead. */
  readonly thawsFirst?: boolean;
  /** The operator's abort is obeyed whenever it comes. */
  readonly abortsAlways?: boolean;
  /** The container goes on without its missing pages. */
  readonly zeroPages?: boolean;
  /** Steps are made even when they cannot be written down. */
  readonly forgetsWhenFull?: boolean;
}

const resumeNow = (state: TargetState): TargetStep => ({
  state: { ...state, phase: 'resuming' },
  effects: [{ kind: 'resume' }],
});
const undoNow = (state: SourceState): SourceStep => ({
  state: { ...state, phase: 'undoing', ending: { outcome: 'failed' } },
  effects: [{ kind: 'tell-abort', reason: 'broken' }, { kind: 'undo' }],
});

/** Deliberate mistakes; each must be found. Those of the field come first. */
export const BROKEN: Readonly<Record<string, Variant>> = {
  /** The target lets its tasks run when it has waited long enough for the verdict. */
  'resume-on-timeout': {
    targetStep: (state, event) =>
      state.phase === 'prepared' && event.kind === 'verdict-overdue'
        ? resumeNow(state)
        : targetStep(state, event),
  },
  /** The record is overwritten, whatever it says by then. */
  'commit-without-cas': { unconditional: true },
  /** The source's copy dies with the commit, before the target's runs. */
  'kill-before-running': {
    sourceStep: (state, event) => {
      const step = sourceStep(state, event);
      return step.state.phase === 'committed' && state.phase !== 'committed'
        ? {
            state: { ...step.state, phase: 'killing', ending: { outcome: 'done' } },
            effects: [{ kind: 'kill' }],
          }
        : step;
    },
  },
  /** The source goes on when the store does not answer its commit. */
  'thaw-on-silence': {
    sourceStep: (state, event) =>
      event.kind === 'commit' && event.answer === 'unknown' ? undoNow(state) : sourceStep(state, event),
  },
  /** The source believes a read that does not show its commit. */
  'trust-a-read': {
    sourceStep: (state, event) =>
      state.phase === 'asking' && event.kind === 'record' && event.record.owner === state.move.source
        ? undoNow(state)
        : sourceStep(state, event),
  },
  /** The target lets its tasks run as soon as they are built. */
  'resume-when-built': {
    targetStep: (state, event) =>
      state.phase === 'building' && event.kind === 'built' ? resumeNow(state) : targetStep(state, event),
  },
  /** The source obeys an operator after its commit. */
  'abort-after-commit': {
    abortsAlways: true,
    sourceStep: (state, event) =>
      event.kind === 'abort' && state.phase === 'committed' ? undoNow(state) : sourceStep(state, event),
  },
  /** A killed copy is thawed while its tasks live. */
  'thaw-before-kill': { thawsFirst: true },
  /** An agent that restarts at the source lets the container go on, whatever was under way. */
  'undo-after-restart': {
    recoverSource: (state) => (state.phase === 'committing' ? undoNow(state) : recoverSource(state)),
  },
  /** An agent that restarts at the target clears away what it finds. */
  'clear-after-restart': {
    recoverTarget: (state) =>
      state.phase === 'prepared'
        ? { state: { ...state, phase: 'undoing' }, effects: [{ kind: 'undo' }] }
        : recoverTarget(state),
  },
  /** A step is made although its notes could not be written. */
  'no-room-for-notes': { forgetsWhenFull: true },
  /** The source waits for words only, and never looks at the record. */
  'never-watch': {
    sourceStep: (state, event) => {
      const { state: next, effects } = sourceStep(state, event);
      return { state: next, effects: effects.filter((effect) => effect.kind !== 'watch') };
    },
  },
  /** The target says that it has everything before the record says so. */
  'report-before-closed': {
    targetStep: (state, event) => {
      const { state: next, effects } = targetStep(state, event);
      const early = effects.some((effect) => effect.kind === 'close');
      return { state: next, effects: early ? [{ kind: 'report-filled' }, ...effects] : effects };
    },
  },
  /** The target gives the container back when its copy breaks, although it has run. */
  'return-what-ran': {
    targetStep: (state, event) =>
      event.kind === 'failed' && (state.phase === 'resuming' || state.phase === 'filling')
        ? {
            state: { ...state, phase: 'dropping', ending: { outcome: 'failed', error: event.error } },
            effects: [{ kind: 'undo' }],
          }
        : targetStep(state, event),
  },
  /** The container runs on when its pages can no longer be fetched. */
  'zero-pages': { zeroPages: true },
};
