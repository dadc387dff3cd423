import { reconciles } from './reconcile.ts';
import { type Next, sourceNexts } from './source.ts';
import { ERROR, type State } from './state.ts';
import { feedTarget, type Rules, without } from './step.ts';
import { fault, land } from './store.ts';
import { frozen, targetNexts } from './target.ts';

/** Every state that the world can be in next. */
export function nextsOf(rules: Rules, state: State): Next[] {
  const nexts = [
    ...sourceNexts(rules, state),
    ...targetNexts(rules, state),
    ...hosts(rules, state),
    ...reconciles(state),
  ];
  for (const message of state.messages)
    nexts.push([`${message} is lost`, { ...state, messages: without(state.messages, message) }]);
  state.writes.forEach((_, index) => {
    nexts.push(['a late write lands', land(state, index)]);
    nexts.push(['a late write is lost', { ...state, writes: state.writes.filter((__, at) => at !== index) }]);
  });
  return nexts;
}

/** What the machines do by themselves. */
function hosts(rules: Rules, state: State): Next[] {
  const { source, pages } = state;
  const nexts: Next[] = [];
  if (state.dumping) nexts.push(['S: tasks stand still', { ...state, dumping: false, here: 'frozen' }]);
  if (state.restoring) nexts.push(['T: tasks are held', { ...state, restoring: false, there: 'held' }]);
  if (pages === 'missing' && source.up && source.notes && state.here === 'frozen')
    nexts.push(['T: every page is here', { ...state, pages: 'complete' }]);
  if (pages === 'missing' && source.up && !source.notes)
    nexts.push(['T: the source has no pages', lose(rules, state)]);
  if (state.there === 'held' && state.faultsLeft > 0) {
    const broken: State = fault({ ...state, there: 'absent', targetBroke: true });
    nexts.push([
      'T: criu dies',
      state.target.up ? feedTarget(rules, broken, { kind: 'failed', error: ERROR, neverRan: true }) : broken,
    ]);
  }
  if (pages === 'missing' && state.faultsLeft > 0)
    nexts.push(['T: the pager dies', lose(rules, fault({ ...state, targetBroke: true }))]);
  return nexts;
}

function lose(rules: Rules, state: State): State {
  const lost = frozen({ ...state, pages: 'lost' });
  return lost.target.up ? feedTarget(rules, lost, { kind: 'failed', error: ERROR }) : lost;
}

/** A rule that is broken in this state. The same rules as in the simulation. */
export function brokenRule(state: State): string | undefined {
  const { here, there, record, pages, target, targetBroke, ran } = state;
  const owned = record.owner === 'T';
  const closed = owned && !record.job;
  if (here === 'running' && there === 'running') return 'both copies execute';
  if (here === 'running' && owned) return "the source's copy executes, and the record names the target";
  if (there === 'running' && !owned) return "the target's copy executes, and the record names the source";
  if (here === 'running' && ran) return "the source's copy executes, and the target's has gone on from it";
  if (there === 'running' && pages === 'lost') return 'the container runs on pages that nobody has';
  if (closed && record.phase === 'running' && pages === 'missing')
    return 'the record says that every page is here';
  if ((here === 'killed' || here === 'dead') && !closed)
    return "the source's copy is killed while it is needed";
  if (owned && there === 'absent' && !targetBroke && target.notes) return 'the committed copy is gone';
  return undefined;
}

/** Nothing of the move is left that somebody could still do something about. */
export function atRest(state: State): boolean {
  const { source, target, record, here, there, writes } = state;
  if (!source.up || !target.up || source.notes || writes.length > 0) return false;
  // Lost, and the source lost its copy as well: there is nothing to decide.
  if (target.notes && !(target.notes.phase === 'lost' && state.sourceBroke)) return false;
  if (record.job && !target.notes) return false;
  if (here === 'frozen' || here === 'killed' || there === 'held') return false;
  if (there === 'frozen' && record.phase !== 'lost') return false;
  const runs = record.owner === 'T' ? there === 'running' : here === 'running';
  return record.job !== undefined || (record.phase === 'running') === runs;
}
