import type { World } from './world.ts';

/** A rule that is broken now, in words; called after every step. */
export function brokenRule(world: World): string | undefined {
  const { source, target, store, excuses } = world;
  const [here, there] = [source.host, target.host];
  const { owner, job, phase } = store.truth.record;
  const owned = owner === 'T';
  const closed = owned && !job;
  if (here.executes && there.executes) return 'both copies execute';
  if (here.executes && owned) return "the source's copy executes, and the record names the target";
  if (there.executes && !owned) return "the target's copy executes, and the record names the source";
  if (here.executes && there.hasRun && !excuses.keptSource)
    return "the source's copy executes, and the target's has gone on from it";
  if (there.executes && there.pager?.state === 'lost') return 'the container runs on pages that nobody has';
  if (closed && phase === 'running' && there.pager && there.pager.state === 'fetching')
    return 'the record says that every page is on the target';
  if ((here.copy === 'killed' || here.copy === 'dead') && !closed)
    return "the source's copy is killed while it is needed";
  const returns = ['dropping', 'returning'].includes(target.move?.phase ?? '') && here.copy === 'frozen';
  if (owned && gone(there.copy) && !excuses.powerCut.has('T') && !excuses.targetBroke && !returns)
    return 'the committed copy is gone';
  return undefined;
}

/** Copies whose tasks are gone or going. */
function gone(copy: string): boolean {
  return copy === 'absent' || copy === 'building' || copy === 'killed' || copy === 'dead';
}

/** What is not as it has to be when nothing goes wrong any more. */
export function unsettled(world: World): string[] {
  const { source, target, store, excuses } = world;
  const { owner, job, phase } = store.truth.record;
  const lostAtTarget = target.move?.phase === 'lost';
  const inDoubt = source.move?.phase === 'in-doubt';
  const mayDoubt = excuses.powerCut.size > 0 || excuses.targetBroke;
  const found: string[] = [];
  if (inDoubt && !(mayDoubt && excuses.noOperator)) found.push('S: in doubt');
  if (lostAtTarget && !mayDoubt) found.push('T: lost');
  if (lostAtTarget && !inDoubt && !excuses.powerCut.has('S') && job)
    found.push('T: lost, and nobody decides');
  if (!inDoubt) {
    if (source.move) found.push(`S: its part has not ended, it is ${source.move.phase}`);
    found.push(...source.host.leftovers());
  }
  if (!lostAtTarget) {
    if (target.move) found.push(`T: its part has not ended, it is ${target.move.phase}`);
    // A lost container stays as it is: what holds its missing pages as well.
    if (phase !== 'lost') found.push(...target.host.leftovers());
  }
  if (job && !inDoubt && !lostAtTarget) found.push(`the record is part of a move: ${owner}, ${phase}`);
  const runs = owner === 'T' ? target.host.executes : source.host.executes;
  if (!job && (phase === 'running') !== runs)
    found.push(`the record says ${phase} on ${owner}, and it ${runs ? 'runs' : 'does not run'}`);
  if (!source.serves || !target.serves) found.push('an agent is down');
  return found;
}

/** How a run ended, in one word. */
export function outcomeOf(world: World): string {
  const { source, store } = world;
  const { owner, phase } = store.truth.record;
  if (source.move?.phase === 'in-doubt' || phase === 'in-doubt') return 'in doubt';
  if (phase === 'lost') return 'lost';
  if (phase === 'stopped') return 'stopped by a power cut';
  return owner === 'T' ? 'done' : 'back at the source';
}
