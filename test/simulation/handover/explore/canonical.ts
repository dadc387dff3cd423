import type { RecordView } from '../../../../protocol/mod.ts';
import type { State, Write } from './state.ts';

/** The source's phases in which a word of the target, or a look at the record, can still change something. */
const UNDECIDED = ['preparing', 'claiming', 'freezing', 'frozen'];
const LOOKING = ['asking', 'committed', 'in-doubt', 'resolving'];

/**
 * The same state without what can never matter again: messages to whoever is done, writes that were overtaken, and the
 * revisions themselves, of which only the order counts.
 */
export function canonical(state: State): State {
  const { source, target, record, faultsLeft } = state;
  const from = source.notes?.phase;
  const to = target.notes?.phase;
  const messages = state.messages.filter((word) => {
    if (word === 'images') return to === 'building' && target.todo.includes('build');
    if (word === 'commit' || word === 'abort') return to !== undefined && to !== 'undoing' && to !== 'ended';
    if (from === undefined || from === 'killing' || from === 'undoing') return false;
    if (word === 'failed' && from === 'committed') return true;
    return !['prepared', 'failed'].includes(word) || UNDECIDED.includes(from);
  });
  const looks = from !== undefined && LOOKING.includes(from);
  const todo = looks ? source.todo : source.todo.filter((item) => item !== 'watch' && item !== 'ask');
  return renumbered({
    ...state,
    messages,
    writes: state.writes.filter(({ at }) => at === record.revision),
    before: faultsLeft === 0 ? record : state.before,
    source: { ...source, todo, seen: source.notes && source.seen },
    target: { ...target, seen: target.notes && target.seen },
  });
}

function renumbered(state: State): State {
  const { source, target, record, before, writes } = state;
  const inFlight = target.todo.map(revisionIn).filter((at) => at !== undefined);
  const known = [source.seen?.revision, target.seen?.revision].filter((at) => at !== undefined);
  const used = [1, record.revision, before.revision, ...known, ...writes.map(({ at }) => at), ...inFlight];
  const order = [...new Set(used)].sort((a, b) => a - b);
  if (order.at(-1) === order.length) return state;
  const rank = (revision: number): number => order.indexOf(revision) + 1;
  const seen = (view: RecordView | undefined) => view && { ...view, revision: rank(view.revision) };
  return {
    ...state,
    record: { ...record, revision: rank(record.revision) },
    before: { ...before, revision: rank(before.revision) },
    writes: writes.map(({ at, ...write }): Write => ({ ...write, at: rank(at) })),
    source: { ...source, seen: seen(source.seen) },
    target: {
      ...target,
      seen: seen(target.seen),
      todo: target.todo.map((item) => {
        const at = revisionIn(item);
        return at === undefined ? item : item.replace(/\d+/, `${rank(at)}`);
      }),
    },
  };
}

/** A write under way carries the revision it was decided at. */
function revisionIn(item: string): number | undefined {
  const digits = /\d+/.exec(item);
  return digits ? Number(digits[0]) : undefined;
}

/** One string for each state, short: there are millions. */
export function keyOf(state: State): string {
  const { source, target, messages, record, before, writes, faultsLeft } = state;
  const a = source.notes;
  const b = target.notes;
  return [
    source.up ? 1 : 0,
    a ? `${a.phase},${a.filled},${a.keep},${a.outcome}` : '',
    source.todo.join(),
    viewKey(source.seen),
    target.up ? 1 : 0,
    b ? `${b.phase},${b.filled},${b.neverRan},${b.outcome}` : '',
    target.todo.join(),
    viewKey(target.seen),
    messages.join(),
    viewKey(record),
    viewKey(before),
    writes
      .map(
        (write) =>
          `${write.at}${write.record.owner}${write.record.epoch}${write.record.phase}${write.record.job}`,
      )
      .join(),
    state.here,
    state.there,
    `${state.dumping}${state.restoring}${state.targetBroke}${state.sourceBroke}${state.begun}${state.ran}`,
    state.pages,
    faultsLeft,
  ].join('|');
}

function viewKey(view: RecordView | undefined): string {
  return view ? `${view.revision}${view.owner}${view.epoch}${view.phase}${view.job}` : '';
}
