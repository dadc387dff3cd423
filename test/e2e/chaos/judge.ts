import type { ContainerInfo, Job } from '../../../protocol/mod.ts';
import { until } from '../support/until.ts';
import type { Outcome } from './cases.ts';
import { type Scene, TRAVELLER } from './scene.ts';

/** What DESIGN allows from the mending to the end. */
export const SETTLE_MS = 10_000;
/** What the walk waits, so that a busy machine is told from a container that hangs. */
const PATIENCE_MS = 40_000;

export interface Ends {
  readonly source: string;
  readonly target: string;
}

export interface Verdict {
  readonly ends: Ends;
  /** The job's id, if it was ever told. */
  readonly id: string | undefined;
  readonly outcome: Outcome;
  /** What the job says of itself. */
  readonly job: string;
  /** From the mending until nothing was left to do, on any node. */
  readonly recoveryMs: number;
}

/**
 * Waits until the move of the traveller is over everywhere, and says how it ended. Rejects with what is still wrong.
 * @param before what it is meanwhile, when that could be taken for an end
 */
export async function settled(
  scene: Scene,
  ends: Ends,
  job: string | undefined,
  mendedMs: number,
  before: readonly Outcome[] = [],
): Promise<Verdict> {
  let told = '';
  let seen: Outcome | { readonly problem: string } = { problem: 'nobody looked' };
  const what = () => `the move is over: ${typeof seen === 'string' ? seen : seen.problem}`;
  await until(what, PATIENCE_MS, async () => {
    seen = await look(scene, ends, mendedMs).catch((error: Error) => ({ problem: error.message }));
    if (typeof seen !== 'string' || before.includes(seen)) return false;
    told = await jobOutcome(scene, job);
    if (told === 'running') seen = { problem: `the job is not at its end` };
    return told !== 'running';
  });
  return { ends, id: job, outcome: seen as unknown as Outcome, job: told, recoveryMs: Date.now() - mendedMs };
}

/** Its outcome once it has ended, `unknown` when nobody knows it any more. */
async function jobOutcome(scene: Scene, job: string | undefined): Promise<string> {
  if (job === undefined) return 'none';
  const { exitCode, stdout } = await scene.cluster.godwit('job', 'show', job, '--json');
  if (exitCode !== 0) return 'unknown';
  const { state, outcome }: Job = JSON.parse(stdout);
  return state === 'ended' ? (outcome ?? 'none') : 'running';
}

async function look(
  scene: Scene,
  ends: Ends,
  sinceMs: number,
): Promise<Outcome | { readonly problem: string }> {
  const { exitCode, stdout, stderr } = await scene.cluster.godwit('inspect', TRAVELLER, '--json');
  if (exitCode !== 0) return { problem: stderr };
  const { container }: ContainerInfo = JSON.parse(stdout);
  const { owner, phase, state } = container;
  const side = owner === ends.target ? 'target' : 'source';
  if (phase === 'in-doubt' && (await isSafe(scene, ends.source))) return 'in doubt';
  if (phase === 'lost' && (state === 'frozen' || state === 'stopped'))
    return (await isSafe(scene, ends.source)) ? 'frozen at target' : 'lost';
  const runs = phase === 'running' && state === 'running';
  const stopped = state === 'stopped' && (phase === 'running' || phase === 'stopped');
  if (!runs && !stopped) return { problem: `${phase} and ${state} at ${owner}` };
  if (runs && !(await scene.renewed(TRAVELLER, sinceMs)))
    return { problem: `runs at ${owner}, but holds no lease` };
  const left = await scene.leftovers(owner, stopped);
  if (left.length > 0) return { problem: `left: ${left.join('; ')}` };
  if (stopped) return `stopped at ${side}`;
  return side === 'target' ? 'done' : 'back at source';
}

/** The source's tasks are there, frozen: the pages can still be had. */
async function isSafe(scene: Scene, node: string): Promise<boolean> {
  const group = `/sys/fs/cgroup/freezer/lxc.payload.${TRAVELLER}`;
  const script = `grep -q . ${group}/cgroup.procs && grep -q FROZEN ${group}/freezer.state && echo safe || echo gone`;
  return (await scene.lab.sh(node, script)) === 'safe';
}
