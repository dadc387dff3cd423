import { recoverSource, type Side, type SourceEvent, verdictOf } from '../../../../protocol/mod.ts';
import { ERROR, type State, sourceCore, type Write } from './state.ts';
import { added, enterSource, feedSource, type Rules, without } from './step.ts';
import { fault, newer, reads, swap, withoutJob } from './store.ts';

export type Next = readonly [label: string, state: State];

/** What a power cut leaves. */
const AFTER_POWER: Readonly<Record<State['here'], State['here']>> = {
  absent: 'absent',
  running: 'stopped',
  frozen: 'stopped',
  killed: 'dead',
  dead: 'dead',
  stopped: 'stopped',
};
const MAY_GIVE_UP = ['preparing', 'claiming', 'freezing', 'frozen'];
const WORDS = ['prepared', 'failed', 'running', 'filled', 'lost'] as const;

/** Everything that can happen at the source next. */
export function sourceNexts(rules: Rules, state: State): Next[] {
  const { source, faultsLeft } = state;
  if (!source.up) return [['S: agent starts', start(rules, state)]];
  const nexts = source.todo.flatMap((item) =>
    act(rules, state, item).map((next): Next => [`S: ${item}`, next]),
  );
  const { notes } = source;
  if (notes) nexts.push(...events(rules, state));
  if (faultsLeft > 0) nexts.push(...crashes(rules, state));
  return nexts;
}

function start(rules: Rules, state: State): State {
  const up = { ...state, source: { ...state.source, up: true } };
  const { notes } = state.source;
  return notes ? enterSource(up, recoverSource(sourceCore(rules.move, notes))) : up;
}

/** What comes from outside: a reason to give up, the target's words, the operator's. */
function events(rules: Rules, state: State): Next[] {
  const { notes } = state.source;
  const nexts: Next[] = [];
  const hears = (label: string, event: SourceEvent): void => {
    nexts.push([`S: ${label}`, feedSource(rules, state, event)]);
  };
  if (notes && MAY_GIVE_UP.includes(notes.phase)) hears('gives up', { kind: 'failed', error: ERROR });
  for (const word of WORDS)
    if (state.messages.includes(word))
      hears(`hears ${word}`, { kind: `target-${word}`, error: ERROR } as SourceEvent);
  if (notes?.phase === 'in-doubt')
    for (const keep of ['source', 'target'] as const)
      nexts.push([
        `S: operator keeps ${keep}`,
        feedSource(rules, chosen(state, keep), { kind: 'resolve', keep }),
      ]);
  return nexts;
}

/** Whoever keeps the source's copy knows that it is older than the target's. */
function chosen(state: State, keep: Side): State {
  return keep === 'source' ? { ...state, ran: false } : state;
}

function act(rules: Rules, state: State, item: string): State[] {
  const { source } = state;
  const { seen } = source;
  const rest: State = { ...state, source: { ...source, todo: without(source.todo, item) } };
  const then = (next: State, ...more: string[]): State => ({
    ...next,
    source: { ...next.source, todo: added(next.source.todo, more) },
  });
  const write = writeOf(rules, state, item);
  if (write === 'look first') return look(state);
  if (write !== undefined) {
    return swap(rest, write).map(({ answer, state: next, seen: written }) => {
      const known = written ? { ...next, source: { ...next.source, seen: written } } : next;
      if (item === 'give back')
        return answer === 'ok' ? feedSource(rules, known, { kind: 'undone' }) : then(known, 'look back');
      const kind = item.startsWith('resolve') ? 'resolve-cas' : (item as 'claim' | 'commit' | 'settle');
      return feedSource(rules, known, { kind, answer });
    });
  }
  switch (item) {
    case 'ready':
      return [feedSource(rules, rest, { kind: 'ready' })];
    case 'settle':
      return [feedSource(rules, rest, { kind: 'settle', answer: 'conflict' })];
    case 'dump':
      return [then({ ...rest, dumping: true }, 'dumped')];
    case 'dumped':
      return state.here === 'frozen' ? [feedSource(rules, rest, { kind: 'frozen' })] : [];
    case 'ask':
    case 'watch':
      return reads(rest).map(({ state: next, view }) =>
        feedSource(
          rules,
          { ...next, source: { ...next.source, seen: newer(seen, view) } },
          { kind: 'record', record: view },
        ),
      );
    case 'give back':
      return [then(rest, 'look back')];
    case 'look back':
      return reads(rest).map(({ state: next, view }) => {
        const known = { ...next, source: { ...next.source, seen: newer(seen, view) } };
        const over = verdictOf(rules.move, view) !== 'stale' && view.job !== 'j';
        return over ? feedSource(rules, known, { kind: 'undone' }) : then(known, 'give back');
      });
    case 'undo': {
      const todo = without(rest.source.todo, 'dump', 'dumped', 'ship', 'ready');
      return [then({ ...rest, dumping: false, source: { ...rest.source, todo } }, 'thaw')];
    }
    case 'thaw':
      return [then({ ...rest, here: thawed(rest.here) }, 'give back')];
    case 'kill':
      return [then({ ...rest, here: rest.here === 'frozen' ? 'killed' : rest.here }, 'thaw the killed')];
    case 'thaw the killed':
      return [feedSource(rules, { ...rest, here: thawed(rest.here) }, { kind: 'killed' })];
    case 'end':
      return [{ ...rest, source: { up: true, notes: undefined, todo: [], seen: undefined } }];
    default:
      return [rest];
  }
}

/** The swap that an item is; undefined when it is none, or when what was seen forbids it. */
function writeOf({ move }: Rules, { source }: State, item: string): Write | 'look first' | undefined {
  const { seen } = source;
  if (item === 'claim')
    return { at: move.revision, record: { owner: 'S', epoch: 0, phase: 'switching', job: 'j' } };
  if (!['commit', 'settle', 'give back', 'resolve source', 'resolve target'].includes(item)) return undefined;
  if (!seen) return 'look first';
  const at = seen.revision;
  switch (item) {
    case 'commit':
      return { at, record: { owner: 'T', epoch: 1, phase: 'resuming', job: 'j' } };
    case 'settle':
      return verdictOf(move, seen) === 'undecided' ? { at, record: withoutJob(seen) } : undefined;
    case 'give back':
      return seen.owner === 'S' ? { at, record: withoutJob(seen) } : undefined;
    case 'resolve source':
      return { at, record: { owner: 'S', epoch: 2, phase: 'switching', job: 'j' } };
    default:
      return { at, record: { owner: 'T', epoch: seen.epoch, phase: 'stopped' } };
  }
}

function look(state: State): State[] {
  return reads(state).map(({ state: next, view }) => ({ ...next, source: { ...next.source, seen: view } }));
}

function crashes(rules: Rules, state: State): Next[] {
  const down = fault({ ...state, source: { ...state.source, up: false, todo: [], seen: undefined } });
  const cut: State = {
    ...down,
    source: { ...down.source, notes: undefined },
    here: AFTER_POWER[state.here],
    dumping: false,
    sourceBroke: true,
  };
  const nexts: Next[] = [
    ['S: agent dies', down],
    ['S: loses power', cut],
  ];
  for (const item of state.source.todo) {
    const write = writeOf(rules, state, item);
    if (write === undefined || write === 'look first') continue;
    const writes = [...state.writes, write];
    nexts.push([`S: agent dies, ${item} on its way`, { ...down, writes }]);
    nexts.push([`S: loses power, ${item} on its way`, { ...cut, writes }]);
  }
  return nexts;
}

function thawed(here: State['here']): State['here'] {
  if (here === 'frozen') return 'running';
  return here === 'killed' ? 'dead' : here;
}
