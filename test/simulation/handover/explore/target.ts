import { type RecordView, recoverTarget, type TargetEvent, verdictOf } from '../../../../protocol/mod.ts';
import type { Next } from './source.ts';
import { ERROR, type State, targetCore, type Write } from './state.ts';
import { added, enterTarget, feedTarget, type Rules, without } from './step.ts';
import { fault, newer, reads, swap } from './store.ts';

/** Everything that can happen at the target next. */
export function targetNexts(rules: Rules, state: State): Next[] {
  const { target, faultsLeft } = state;
  if (!target.up) return [['T: agent starts', start(rules, state)]];
  const nexts = target.todo.flatMap((item) =>
    act(rules, state, item).map((next): Next => [`T: ${item}`, next]),
  );
  if (target.notes) nexts.push(...events(rules, state));
  if (faultsLeft > 0) nexts.push(...crashes(rules, state));
  return nexts;
}

function start(rules: Rules, state: State): State {
  const up = { ...state, begun: false, target: { ...state.target, up: true } };
  const { notes } = state.target;
  return notes ? enterTarget(up, recoverTarget(targetCore(rules.move, notes))) : up;
}

function events(rules: Rules, state: State): Next[] {
  const phase = state.target.notes?.phase;
  const nexts: Next[] = [];
  const hears = (label: string, event: TargetEvent): void => {
    nexts.push([`T: ${label}`, feedTarget(rules, state, event)]);
  };
  if (phase === 'building') hears('cannot build', { kind: 'failed', error: ERROR });
  if (phase === 'prepared') hears('waited long enough', { kind: 'verdict-overdue' });
  // Before it is prepared its agent refuses a commit.
  if (state.messages.includes('commit') && phase !== 'building')
    hears('hears commit', { kind: 'commit', epoch: 1 });
  if (state.messages.includes('abort')) hears('hears abort', { kind: 'abort', error: ERROR });
  return nexts;
}

function act(rules: Rules, state: State, item: string): State[] {
  const { target } = state;
  const { seen, todo } = target;
  const { pagesFollow } = rules.move;
  const rest: State = { ...state, target: { ...target, todo: without(todo, item) } };
  const then = (next: State, ...more: string[]): State => ({
    ...next,
    target: { ...next.target, todo: added(next.target.todo, more) },
  });
  const write = writeOf(item);
  if (write) return written(rules, rest, item, write);
  if (item.startsWith('become')) return become(rules, rest, item);
  switch (item) {
    case 'build':
      if (!state.messages.includes('images')) return [];
      return [then({ ...rest, restoring: true, pages: pagesFollow ? 'missing' : 'none' }, 'built')];
    case 'built':
      return state.there === 'held' ? [feedTarget(rules, rest, { kind: 'built' })] : [];
    case 'abort-cas':
      return reads(rest).map(({ state: next, view }) => {
        const known = { ...next, target: { ...next.target, seen: newer(seen, view) } };
        const open = verdictOf(rules.move, newer(seen, view)) === 'undecided';
        return open
          ? then(known, writing('aborted', newer(seen, view)))
          : feedTarget(rules, known, { kind: 'abort-cas', answer: 'conflict' });
      });
    case 'return':
      return reads(rest).map(({ state: next, view }) => {
        const known = { ...next, target: { ...next.target, seen: newer(seen, view) } };
        const own = verdictOf(rules.move, newer(seen, view)) === 'committed' && newer(seen, view).job === 'j';
        return own
          ? then(known, writing('returned', newer(seen, view)))
          : feedTarget(rules, known, { kind: 'return', answer: 'conflict' });
      });
    case 'ask':
    case 'watch':
      return reads(rest).map(({ state: next, view }) =>
        feedTarget(
          rules,
          { ...next, target: { ...next.target, seen: newer(seen, view) } },
          { kind: 'record', record: view },
        ),
      );
    case 'resume': {
      if (state.there !== 'held' && state.there !== 'running')
        return [
          feedTarget(rules, rest, {
            kind: 'failed',
            error: ERROR,
            neverRan: state.begun && state.there === 'absent',
          }),
        ];
      const runs = feedTarget(rules, { ...rest, there: 'running', ran: true }, { kind: 'resumed' });
      return [pagesFollow ? then(runs, 'become filling') : runs];
    }
    case 'pages':
      if (state.pages === 'missing') return [];
      return [
        feedTarget(
          rules,
          rest,
          state.pages === 'lost' ? { kind: 'failed', error: ERROR } : { kind: 'filled' },
        ),
      ];
    case 'close':
      return todo.some((one) => one.includes('filling')) ? [] : [then(rest, 'become closed')];
    case 'undo': {
      const left = without(rest.target.todo, 'build', 'built', 'pages');
      const gone: State = { ...rest, there: 'absent', restoring: false, pages: 'none' };
      return [feedTarget(rules, { ...gone, target: { ...gone.target, todo: left } }, { kind: 'undone' })];
    }
    case 'freeze-lost': {
      const left = without(rest.target.todo, 'become filling', 'become closed', 'pages');
      return [then({ ...frozen(rest), target: { ...rest.target, todo: left } }, 'become lost')];
    }
    case 'clear':
      return [feedTarget(rules, { ...rest, there: 'stopped', pages: 'none' }, { kind: 'cleared' })];
    case 'end': {
      const pages = target.notes?.outcome === 'done' ? 'none' : state.pages;
      return [{ ...rest, pages, target: { up: true, notes: undefined, todo: [], seen: undefined } }];
    }
    default:
      return [rest];
  }
}

function become(rules: Rules, rest: State, item: string): State[] {
  const wish = item.slice('become '.length);
  return reads(rest).map(({ state: next, view }) => {
    const record = newer(next.target.seen, view);
    const known = { ...next, target: { ...next.target, seen: record } };
    const then = (more: string): State => ({
      ...known,
      target: { ...known.target, todo: added(known.target.todo, [more]) },
    });
    switch (verdictOf(rules.move, record)) {
      case 'committed':
        return then(writing(wish, record));
      case 'reclaimed':
      case 'passed':
        return feedTarget(
          rules,
          known,
          wish === 'lost' ? { kind: 'frozen-lost' } : { kind: 'failed', error: ERROR },
        );
      default:
        return then(item);
    }
  });
}

/** Decided and sent in one turn: it carries what it was decided from. */
function writing(wish: string, { revision, job }: RecordView): string {
  return `write ${wish} ${revision} ${job ? 'in the move' : 'alone'}`;
}

function writeOf(item: string): Write | undefined {
  const [what, wish, at, ...part] = item.split(' ');
  if (what !== 'write') return undefined;
  const job = part.length > 1 ? { job: 'j' } : {};
  const record = (): Write['record'] => {
    switch (wish) {
      case 'aborted':
        return { owner: 'S', epoch: 0, phase: 'running' };
      case 'closed':
        return { owner: 'T', epoch: 1, phase: 'running' };
      case 'returned':
        return { owner: 'S', epoch: 2, phase: 'switching', ...job };
      default:
        return { owner: 'T', epoch: 1, phase: wish === 'lost' ? 'lost' : 'filling', ...job };
    }
  };
  return { at: Number(at), record: record() };
}

function written(rules: Rules, rest: State, item: string, write: Write): State[] {
  return swap(rest, write).map(({ answer, state: next, seen }) => {
    const known = seen ? { ...next, target: { ...next.target, seen } } : next;
    const then = (more: string): State => ({
      ...known,
      target: { ...known.target, todo: added(known.target.todo, [more]) },
    });
    const wish = item.split(' ')[1] ?? '';
    if (wish === 'aborted') return feedTarget(rules, known, { kind: 'abort-cas', answer });
    if (wish === 'returned') return feedTarget(rules, known, { kind: 'return', answer });
    // A later wish ended this one: whatever became of it, it is not repeated.
    const over =
      wish !== 'lost' && !['resuming', 'filling', 'closing'].includes(rest.target.notes?.phase ?? '');
    if (over) return known;
    if (answer !== 'ok') return then(`become ${wish}`);
    if (wish === 'filling') return then('pages');
    return feedTarget(rules, known, { kind: wish === 'lost' ? 'frozen-lost' : 'closed' });
  });
}

function crashes(_rules: Rules, state: State): Next[] {
  const down = fault({ ...state, target: { ...state.target, up: false, todo: [], seen: undefined } });
  const cut: State = {
    ...down,
    target: { ...down.target, notes: undefined },
    there: state.there === 'absent' || state.there === 'held' ? 'absent' : 'stopped',
    restoring: false,
    pages: 'none',
    targetBroke: true,
  };
  const nexts: Next[] = [
    ['T: agent dies', down],
    ['T: loses power', cut],
  ];
  for (const item of state.target.todo) {
    const write = writeOf(item);
    if (!write) continue;
    const writes = [...state.writes, write];
    nexts.push([`T: agent dies, ${item} on its way`, { ...down, writes }]);
    nexts.push([`T: loses power, ${item} on its way`, { ...cut, writes }]);
  }
  return nexts;
}

export function frozen(state: State): State {
  return state.there === 'running' || state.there === 'held' ? { ...state, there: 'frozen' } : state;
}
