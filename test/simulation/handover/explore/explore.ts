import { canonical, keyOf } from './canonical.ts';
import { moveOf, type State, startOf } from './state.ts';
import { type Rules, rulesFor } from './step.ts';
import { atRest, brokenRule, nextsOf } from './world.ts';

export interface Explored {
  readonly states: number;
  readonly transitions: number;
  /** The first broken rule, and the shortest way to it. */
  readonly violation?: { readonly rule: string; readonly way: readonly string[] };
}

/** Goes through every state of one move with up to so many faults, in whatever order things happen. */
export function explore(options: {
  readonly pagesFollow: boolean;
  readonly faults: number;
  readonly broken?: Partial<Rules>;
}): Explored {
  const rules = rulesFor(moveOf(options.pagesFollow), options.broken);
  const states: State[] = [];
  const ids = new Map<string, number>();
  /** How each state was reached first. */
  const cameFrom: number[] = [];
  const cameBy: string[] = [];
  /** Pairs of state and successor, one after the other. */
  const edges: number[] = [];
  const idOf = (reached: State, from: number, label: string): number => {
    const state = canonical(reached);
    const key = keyOf(state);
    const known = ids.get(key);
    if (known !== undefined) return known;
    const id = states.length;
    ids.set(key, id);
    states.push(state);
    cameFrom.push(from);
    cameBy.push(label);
    return id;
  };
  const wayTo = (id: number): string[] => {
    const way: string[] = [];
    for (let at = id; at > 0; at = cameFrom[at] as number) way.unshift(cameBy[at] as string);
    return way;
  };
  const result = (violation?: Explored['violation']): Explored => ({
    states: states.length,
    transitions: edges.length / 2,
    ...(violation ? { violation } : {}),
  });

  idOf(startOf(options.faults), 0, '');
  for (let id = 0; id < states.length; id++) {
    const state = states[id] as State;
    const rule = brokenRule(state);
    if (rule) return result({ rule, way: wayTo(id) });
    for (const [label, next] of nextsOf(rules, state)) edges.push(id, idOf(next, id, label));
  }
  const stuck = firstThatNeverRests(states, edges);
  return stuck === undefined
    ? result()
    : result({ rule: 'nothing can bring this to rest', way: wayTo(stuck) });
}

/** From every state there must be a way to rest. */
function firstThatNeverRests(states: readonly State[], edges: readonly number[]): number | undefined {
  const into = new Map<number, number[]>();
  for (let at = 0; at < edges.length; at += 2) {
    const to = edges[at + 1] as number;
    const from = into.get(to);
    if (from) from.push(edges[at] as number);
    else into.set(to, [edges[at] as number]);
  }
  const rests = states.map((state) => atRest(state));
  const open = rests.flatMap((rest, id) => (rest ? [id] : []));
  for (let id = open.pop(); id !== undefined; id = open.pop())
    for (const from of into.get(id) ?? [])
      if (!rests[from]) {
        rests[from] = true;
        open.push(from);
      }
  const stuck = rests.indexOf(false);
  return stuck < 0 ? undefined : stuck;
}
