import { type Facts, reconcile } from '../../../../agent/recovery/reconcile.ts';
import type { ContainerRecord, RecordView } from '../../../../protocol/mod.ts';
import type { Next } from './source.ts';
import type { State } from './state.ts';
import { apply, withoutJob } from './store.ts';

/** What a node without notes makes of the record, and of what it finds on its machine. */
export function reconciles(state: State): Next[] {
  const nexts: Next[] = [];
  for (const node of ['S', 'T'] as const) {
    const agent = node === 'S' ? state.source : state.target;
    if (!agent.up || agent.notes) continue;
    const what = reconcile({ node, record: recordOf(state.record), local: localOf(state, node) });
    const next = repaired(state, node, what);
    if (next) nexts.push([`${node}: reconciles: ${what.kind}`, next]);
  }
  if (state.record.phase === 'in-doubt' && state.source.up && !state.source.notes && state.target.up)
    nexts.push(['T: no copy is left', write(state, { owner: 'T', epoch: 1, phase: 'lost' })]);
  return nexts;
}

function repaired(state: State, node: 'S' | 'T', what: ReturnType<typeof reconcile>): State | undefined {
  const { record } = state;
  switch (what.kind) {
    case 'follow':
      return write(state, { ...viewOf(record), phase: what.phase });
    case 'finish':
      return write(state, withoutJob(record));
    case 'give-back': {
      const runs = state.here === 'running' || state.here === 'frozen';
      const given = write(state, { ...withoutJob(record), phase: runs ? 'running' : 'stopped' });
      return runs ? { ...given, here: 'running' } : given;
    }
    case 'doubt':
      return record.phase === 'in-doubt' ? undefined : write(state, { ...viewOf(record), phase: 'in-doubt' });
    case 'define':
      return node === 'S' ? { ...state, here: 'stopped' } : { ...state, there: 'stopped' };
    case 'fence':
    case 'clear':
      if (node === 'S') return { ...state, here: state.here === 'running' ? 'frozen' : 'absent' };
      return { ...state, there: state.there === 'running' ? 'frozen' : 'absent' };
    default:
      return undefined;
  }
}

function write(state: State, record: Omit<RecordView, 'revision'>): State {
  return apply(state, { at: state.record.revision, record });
}

function localOf({ here, there }: State, node: 'S' | 'T'): Facts['local'] {
  const copy = node === 'S' ? here : there;
  const states = { running: 'running', frozen: 'frozen', killed: 'frozen', held: 'unknown' } as const;
  const tasks = copy in states;
  const state = tasks ? states[copy as keyof typeof states] : 'stopped';
  return { defined: copy !== 'absent' && copy !== 'dead', state, tasks };
}

function recordOf({ owner, epoch, phase, job }: RecordView): ContainerRecord {
  const part = job ? { job: { id: job, source: 'S', target: 'T', mode: 'cold' } } : {};
  return { type: 'io.godwit.v1.record', name: 'c', uuid: '', spec: '', owner, epoch, phase, ...part };
}

function viewOf({ owner, epoch, phase, job }: RecordView): Omit<RecordView, 'revision'> {
  return { owner, epoch, phase, ...(job ? { job } : {}) };
}
