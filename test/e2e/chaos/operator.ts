import type { ContainerInfo } from '../../../protocol/mod.ts';
import type { LabResult } from '../support/lab.ts';
import { until } from '../support/until.ts';
import type { Outcome } from './cases.ts';
import { settled, type Verdict } from './judge.ts';
import { type Scene, TRAVELLER } from './scene.ts';

const LOST_MS = 60_000;

/** How it looks until an operator's decision has come through everywhere; the source's copy may have been let go by then. */
export const UNDECIDED: readonly Outcome[] = ['frozen at target', 'lost'];

/**
 * Waits until the traveller is lost, then has an operator keep the copy of one node. `said`: what the command came to, which may
 * have to wait for an agent that a fault keeps from answering.
 */
export async function decide(
  scene: Scene,
  job: string,
  keep: string,
): Promise<{ readonly said: Promise<LabResult> }> {
  await until('the traveller is lost', LOST_MS, async () => {
    const { exitCode, stdout } = await scene.cluster.godwit('inspect', TRAVELLER, '--json');
    return exitCode === 0 && (JSON.parse(stdout) as ContainerInfo).container.phase === 'lost';
  });
  // The source's copy is as it was when it froze: what the target's did since then counts no more.
  await scene.leases.forget(TRAVELLER);
  // With the target's copy, which can never be completed, the source's is given up too.
  return { said: scene.cluster.godwit('job', 'resolve', job, '--keep', keep, '--force') };
}

/** Shows that the pages of a container that is frozen at the target are safe: the source's copy goes on. */
export async function bringBack(scene: Scene, { ends, id }: Verdict): Promise<Verdict> {
  const { said } = await decide(scene, id ?? '', ends.source);
  const { exitCode, stderr } = await said;
  if (exitCode !== 0) throw new Error(`the source's copy was not to be kept: ${stderr}`);
  return settled(scene, ends, id, Date.now(), UNDECIDED);
}
