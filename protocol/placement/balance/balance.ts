import { type LoadVector, largest } from '../load.ts';
import { planMoves, WISH_GAIN } from './plan.ts';
import { misplacedOf, pairOf } from './problem.ts';
import type { BalanceMove, Here, Neighbour } from './words.ts';

/** How eager a node is to get rid of load. */
export interface BalanceRules {
  /** Show: the plan is all that is wanted. Act: it is carried out, one move after the other. */
  readonly purpose: 'show' | 'act';
  /** So many other nodes it compares itself to. */
  readonly sample: number;
  /** It begins only when it is fuller than the mean of these by this. */
  readonly threshold: number;
  /** What a plan must gain, 1 is a whole node. */
  readonly minGain: number;
  /** So many looks in a row must find something to move before it is moved: one alone may be a sample's luck, or a moment's load. */
  readonly looks: number;
  /** Between two looks, half as much less or more by chance; twice this after moves. */
  readonly periodMs: number;
}

/** Why a move that would help is not made. */
export interface BalanceRefusal {
  readonly container: string;
  /** Who says so: its target, or the node that it is on, which says it of all targets. */
  readonly node: string;
  readonly reason: string;
}

/** What a node answered when it was asked to take a container; only its name: it did not answer. `problem`: it was not asked. */
export interface BalanceAnswer {
  readonly container: string;
  readonly node: string;
  readonly problem?: string;
  readonly said?: {
    readonly reasons: readonly string[];
    /** With everything it has promised. */
    readonly load: LoadVector;
    readonly after: LoadVector;
    readonly groupMembers: number;
  };
}

export interface Balance {
  readonly phase: 'resting' | 'sampling' | 'checking' | 'asking' | 'moving';
  /** What is still to be done, the next first. */
  readonly plan: readonly BalanceMove[];
  readonly here?: Here;
  readonly neighbours: readonly Neighbour[];
  readonly refusals: readonly BalanceRefusal[];
  readonly checks: number;
  /** The last so many looks have found something to move. */
  readonly found: number;
  /** How full others are anyway: to be emptier than that is no gain. */
  readonly floor: number;
}

export type BalanceEvent =
  | { readonly kind: 'look'; readonly nowMs: number; readonly chance: number; readonly here: Here }
  | {
      readonly kind: 'sampled';
      readonly nowMs: number;
      readonly chance: number;
      readonly here: Here;
      readonly neighbours: readonly Neighbour[];
    }
  | {
      readonly kind: 'checked';
      readonly nowMs: number;
      readonly chance: number;
      readonly answers: readonly BalanceAnswer[];
    }
  | {
      readonly kind: 'answered';
      readonly nowMs: number;
      readonly chance: number;
      readonly here: Here;
      readonly answer: BalanceAnswer;
    }
  | { readonly kind: 'ended'; readonly nowMs: number; readonly chance: number; readonly moved: boolean };

export type BalanceEffect =
  /** Listen to so many other nodes. */
  | { readonly kind: 'sample'; readonly count: number }
  /** Ask the target of each of these what it says of it; nothing is promised. */
  | { readonly kind: 'check'; readonly moves: readonly BalanceMove[] }
  | {
      readonly kind: 'planned';
      readonly moves: readonly BalanceMove[];
      readonly refusals: readonly BalanceRefusal[];
    }
  /** Ask its target for a promise. */
  | { readonly kind: 'ask'; readonly move: BalanceMove }
  | { readonly kind: 'move'; readonly move: BalanceMove }
  | { readonly kind: 'wake'; readonly atMs: number };

export interface BalanceStep {
  readonly state: Balance;
  readonly effects: readonly BalanceEffect[];
}

export const AT_REST: Balance = {
  phase: 'resting',
  plan: [],
  neighbours: [],
  refusals: [],
  checks: 0,
  found: 0,
  floor: 0,
};

/** A node that is fuller than this gives away even where others are fuller still: those may have nothing that can be moved. */
const SHORT = 0.7;
/** So often a plan is made anew because somebody refused a part of it. */
const CHECKS = 4;
/** After so many of them a node that refused something is left out: it may refuse everything, one container after the other. */
const PATIENT_CHECKS = 2;
/** A node that is fuller than was thought by this is no target any more. */
const SURPRISE = 0.1;

/**
 * One node's half of balancing: it looks at a few others and gives load away, one container after the other; nobody takes load from
 * others. Pure. What comes in a wrong phase changes nothing.
 */
export function balanceStep(state: Balance, event: BalanceEvent, rules: BalanceRules): BalanceStep {
  switch (event.kind) {
    case 'look':
      return state.phase === 'resting' ? look(state, event, rules) : { state, effects: [] };
    case 'sampled':
      return state.phase === 'sampling' ? compare(state, event, rules) : { state, effects: [] };
    case 'checked':
      return state.phase === 'checking' ? checked(state, event, rules) : { state, effects: [] };
    case 'answered':
      return state.phase === 'asking' ? answered(state, event, rules) : { state, effects: [] };
    case 'ended':
      return state.phase === 'moving' ? next(state, event, rules) : { state, effects: [] };
  }
}

interface Moment {
  readonly nowMs: number;
  readonly chance: number;
}

/**
 * Who is not fuller than the threshold cannot be so much fuller than others: it need not even look at them, unless it has
 * something that may not be there.
 */
function look(
  { found }: Balance,
  event: Extract<BalanceEvent, { kind: 'look' }>,
  rules: BalanceRules,
): BalanceStep {
  const { here } = event;
  const full = largest(here.load).value;
  const calm = full < rules.threshold && misplacedOf(here).size === 0;
  if (here.movable.length === 0 || calm) return rest(event, rules, { moved: false });
  return {
    state: { ...AT_REST, found, phase: 'sampling' },
    effects: [{ kind: 'sample', count: rules.sample }],
  };
}

function compare(
  state: Balance,
  event: Extract<BalanceEvent, { kind: 'sampled' }>,
  rules: BalanceRules,
): BalanceStep {
  const { here, neighbours } = event;
  const full = largest(here.load).value;
  const mean = neighbours.reduce((sum, { load }) => sum + largest(load).value, 0) / neighbours.length;
  const somebody = misplacedOf(here).size > 0;
  const calm = full < mean + rules.threshold && !somebody;
  if (neighbours.length === 0 || calm) return done(AT_REST, event, rules);
  const emptier = neighbours.filter(({ load }) => somebody || largest(load).value < full);
  const fullest = Math.max(...neighbours.map(({ load }) => largest(load).value));
  const floor = full >= SHORT ? 0 : fullest;
  return check({ ...state, here, neighbours: emptier, floor }, event, rules);
}

/** Makes a plan with what is known, and asks those whom it names. */
function check(known: Balance, moment: Moment, rules: BalanceRules): BalanceStep {
  const { here, neighbours, refusals, checks } = known;
  const refusers = new Set(checks < PATIENT_CHECKS ? [] : refusals.map(({ node }) => node));
  const open = neighbours.filter(({ node }) => !refusers.has(node));
  const refused = new Set(
    refusals.flatMap(({ container, node }) =>
      (node === here?.node ? open.map((one) => one.node) : [node]).map((target) => pairOf(container, target)),
    ),
  );
  const limits = { refused, minGain: rules.minGain, floor: known.floor };
  const plan = here ? planMoves(here, open, limits) : [];
  const state: Balance = { ...known, plan, checks: checks + 1 };
  if (plan.length === 0 || checks >= CHECKS) return done({ ...state, plan: [] }, moment, rules);
  return { state: { ...state, phase: 'checking' }, effects: [{ kind: 'check', moves: plan }] };
}

function checked(
  state: Balance,
  event: Extract<BalanceEvent, { kind: 'checked' }>,
  rules: BalanceRules,
): BalanceStep {
  const { answers } = event;
  const refusals = state.plan.flatMap((move) => refusalsOf(state, move, answers));
  const said = new Map(answers.flatMap((one) => (one.said ? [[one.node, one.said.load] as const] : [])));
  const silent = new Set(answers.flatMap((one) => (one.said || one.problem ? [] : [one.node])));
  const neighbours = state.neighbours
    .filter(({ node }) => !silent.has(node))
    .map((one) => ({ ...one, load: said.get(one.node) ?? one.load }));
  const after = { ...state, neighbours, refusals: [...state.refusals, ...refusals] };
  const surprising = state.neighbours.some(({ node, load }) => {
    const now = said.get(node);
    return now !== undefined && largest(now).value > largest(load).value + SURPRISE;
  });
  return refusals.length > 0 || surprising ? check(after, event, rules) : done(after, event, rules);
}

function refusalsOf(state: Balance, move: BalanceMove, answers: readonly BalanceAnswer[]): BalanceRefusal[] {
  const { container, target: node } = move;
  const answer = answers.find((one) => one.container === container && one.node === node);
  if (answer?.problem) return [{ container, node: move.source, reason: answer.problem }];
  if (!answer?.said) return [{ container, node, reason: `${node} did not answer` }];
  const { reasons, groupMembers } = answer.said;
  const { placement } = state.here?.movable.find((one) => one.container === container) ?? {};
  const crowded = placement?.apart === 'prefer' && groupMembers > 0 && move.gain < WISH_GAIN;
  const all = crowded ? [...reasons, `${groupMembers} of group ${placement.group} are on ${node}`] : reasons;
  return all.length > 0 ? [{ container, node, reason: all.join('; ') }] : [];
}

/** The plan stands, be it empty. */
function done(state: Balance, moment: Moment, rules: BalanceRules): BalanceStep {
  const { plan, refusals } = state;
  const found = plan.length > 0 ? state.found + 1 : 0;
  const [move] = plan;
  if (rules.purpose === 'show' || !move || found < rules.looks) {
    const step = rest(moment, rules, { moved: false });
    const planned = { kind: 'planned' as const, moves: plan, refusals };
    return { state: { ...step.state, found }, effects: [planned, ...step.effects] };
  }
  return {
    state: { ...state, phase: 'asking' },
    effects: [
      { kind: 'planned', moves: plan, refusals },
      { kind: 'ask', move },
    ],
  };
}

/** Much may have happened since the plan was made: the move must still help, and nobody may have got ahead of it. */
function answered(
  state: Balance,
  event: Extract<BalanceEvent, { kind: 'answered' }>,
  rules: BalanceRules,
): BalanceStep {
  const [move] = state.plan;
  const { said, container } = event.answer;
  if (!move || move.container !== container) return { state, effects: [] };
  const stillHere = event.here.movable.some((one) => one.container === container);
  const after = said ? largest(said.after).value : Number.POSITIVE_INFINITY;
  const helps =
    after <= move.after.target + SURPRISE && (after < largest(event.here.load).value || move.gain >= 1);
  if (said && said.reasons.length === 0 && stillHere && helps)
    return { state: { ...state, phase: 'moving' }, effects: [{ kind: 'move', move }] };
  return next(state, event, rules);
}

/** The first move of the plan is over, be it made or not. */
function next(
  state: Balance,
  event: Moment & { readonly moved?: boolean },
  rules: BalanceRules,
): BalanceStep {
  const [, ...plan] = state.plan;
  // What failed once may fail again; the rest of the plan counted on it.
  const [move] = event.moved === false ? [] : plan;
  if (!move) return rest(event, rules, { moved: true });
  return { state: { ...state, phase: 'asking', plan }, effects: [{ kind: 'ask', move }] };
}

function rest(
  { nowMs, chance }: Moment,
  { periodMs }: BalanceRules,
  { moved }: { readonly moved: boolean },
): BalanceStep {
  const pauseMs = periodMs * (0.5 + chance) * (moved ? 2 : 1);
  return { state: AT_REST, effects: [{ kind: 'wake', atMs: nowMs + pauseMs }] };
}
