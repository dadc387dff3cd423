import type { ContainerRecord } from '../record.ts';

/**
 * What the record of a container has to say when this node finds it without any notes of a move: it lost power, for notes
 * survive everything else. Undefined: it is right as it is. The change is a CAS at the revision that was read, so whatever
 * is still on its way from before (a claim, a commit) can never be applied after it.
 *
 * @param here whether the runtime of this node runs the container, outside of any move
 */
export function reconcileRecord(
  record: ContainerRecord,
  here: { readonly node: string; readonly running: boolean },
): ContainerRecord | undefined {
  const { owner, phase, job, ...rest } = record;
  const mine = owner === here.node;
  const settled = { ...rest, owner, phase: here.running ? 'running' : 'stopped' } as const;
  if (!job) return mine && phase === 'running' && !here.running ? settled : undefined;
  if (mine && owner === job.source) return settled;
  // The commit was made, and the copy here is gone. Whether it ran before is not known here: the source may have its own.
  if (mine && (phase === 'resuming' || phase === 'filling'))
    return here.running ? settled : { ...record, phase: 'in-doubt' };
  // The target has nothing, and waits for an operator to choose a copy that is gone as well.
  const waits = phase === 'in-doubt' || phase === 'lost';
  if (!mine && here.node === job.source && waits) return { ...rest, owner, phase: 'lost' };
  return undefined;
}
