import type { ContainerRecord } from '../../protocol/mod.ts';
import type { RuntimeState } from '../runtime/runtime.ts';

/** What is known of one container on this node when an agent starts, apart from moves whose notes are there. */
export interface Facts {
  readonly node: string;
  readonly record?: ContainerRecord | undefined;
  readonly local: {
    /** godwit has defined it here. */
    readonly defined: boolean;
    readonly state: RuntimeState;
    /** Tasks of it are on this node, in whatever state. */
    readonly tasks: boolean;
  };
}

/**
 * What is to be done about it. `define`: the description is missing. `follow`: the record says what the runtime says.
 * `give-back`: a move that never was committed is taken back by CAS, then what stands still of it runs on. `finish`: the
 * move is done, only the record does not say so. `doubt`: this node's by a commit, and its copy is gone. `clear`: another
 * node's, and only traces are here. `fence`: another node's, and tasks are here: they must not run.
 */
export type Repair =
  | { readonly kind: 'none' }
  | { readonly kind: 'define' }
  | { readonly kind: 'follow'; readonly phase: 'running' | 'stopped' }
  | { readonly kind: 'give-back' }
  | { readonly kind: 'finish' }
  | { readonly kind: 'doubt' }
  | { readonly kind: 'clear' }
  | { readonly kind: 'fence' };

/** The rules of ADR 0009, pure. */
export function reconcile(facts: Facts): Repair {
  const { node, record, local } = facts;
  if (record?.owner === node) return ofOwner(facts, record);
  // Without any record nobody else can own it: rather leave it than stop what may be the only copy.
  if (local.tasks) return record ? { kind: 'fence' } : { kind: 'none' };
  return local.defined ? { kind: 'clear' } : { kind: 'none' };
}

function ofOwner({ node, local }: Facts, { phase, job }: ContainerRecord): Repair {
  if (job?.source === node) return { kind: 'give-back' };
  if (job?.target === node) {
    if (!local.tasks) return { kind: 'doubt' };
    // What is frozen was frozen for a reason; a loss stays one.
    return local.state === 'running' && phase !== 'lost' ? { kind: 'finish' } : { kind: 'none' };
  }
  if (!local.defined) return { kind: 'define' };
  if (phase === 'lost' || phase === 'in-doubt') return { kind: 'none' };
  if (local.state === 'running' && phase !== 'running') return { kind: 'follow', phase: 'running' };
  if (local.state === 'stopped' && phase !== 'stopped') return { kind: 'follow', phase: 'stopped' };
  return { kind: 'none' };
}
