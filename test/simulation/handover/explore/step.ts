import {
  type Move,
  type SourceEvent,
  type SourceStep,
  sourceStep,
  type TargetEvent,
  type TargetStep,
  targetStep,
} from '../../../../protocol/mod.ts';
import { type State, sourceCore, sourceNotes, targetCore, targetNotes } from './state.ts';

/** What a world has besides its state: the move, and which cores play it. */
export interface Rules {
  readonly move: Move;
  readonly sourceStep: typeof sourceStep;
  readonly targetStep: typeof targetStep;
}

export function rulesFor(move: Move, broken: Partial<Rules> = {}): Rules {
  return { sourceStep, targetStep, ...broken, move };
}

/** The source's core hears of this: the state is written down, the effects are what it is about to do. */
export function feedSource(rules: Rules, state: State, event: SourceEvent): State {
  const { notes } = state.source;
  if (!notes) return state;
  return enterSource(state, rules.sourceStep(sourceCore(rules.move, notes), event));
}

export function feedTarget(rules: Rules, state: State, event: TargetEvent): State {
  const { notes } = state.target;
  if (!notes) return state;
  return enterTarget(state, rules.targetStep(targetCore(rules.move, notes), event));
}

export function enterSource(state: State, step: SourceStep): State {
  const effects = step.effects.map((effect) =>
    effect.kind === 'resolve' ? `resolve ${effect.keep}` : effect.kind,
  );
  const { todo, words } = sorted(effects);
  const source = { ...state.source, notes: sourceNotes(step.state), todo: added(state.source.todo, todo) };
  return { ...state, source, messages: added(state.messages, words) };
}

export function enterTarget(state: State, step: TargetStep): State {
  const { todo, words } = sorted(step.effects.map((effect) => effect.kind));
  const target = { ...state.target, notes: targetNotes(step.state), todo: added(state.target.todo, todo) };
  return { ...state, target, messages: added(state.messages, words) };
}

/** What is only told is on its way at once: that it never leaves is the same as that it never arrives. */
const WORDS: Readonly<Record<string, string>> = {
  ship: 'images',
  'tell-commit': 'commit',
  'tell-abort': 'abort',
  'report-prepared': 'prepared',
  'report-failed': 'failed',
  'report-running': 'running',
  'report-filled': 'filled',
  'report-lost': 'lost',
};

function sorted(effects: readonly string[]): { todo: string[]; words: string[] } {
  const words = effects.flatMap((effect) => WORDS[effect] ?? []);
  return { words, todo: effects.filter((effect) => !(effect in WORDS) && effect !== 'doubt') };
}

/** Effects are independent of each other: what is under way is a set. */
export function added(some: readonly string[], more: readonly string[]): readonly string[] {
  return [...new Set([...some, ...more])].sort();
}

export function without(some: readonly string[], ...gone: readonly string[]): readonly string[] {
  return some.filter((one) => !gone.includes(one));
}
