import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerInfo, MigrateReply } from '../../../protocol/mod.ts';
import { until } from '../support/until.ts';
import { armAgent, continueAgent, type LogMark } from './agents.ts';
import type { Case, Helper } from './cases.ts';
import { type Ends, settled, type Verdict } from './judge.ts';
import { decide, UNDECIDED } from './operator.ts';
import { bystander, type Scene, TRAVELLER } from './scene.ts';

/** How long the move may take to come by its point. */
const STRIKE_MS = 60_000;
/** How long an agent stands still that a fault has stopped. */
const HANG_MS = 2_000;
const LOSE_BUS_MS = 5_000;
const READY_MS = 60_000;

/** How one case went. */
export interface Played extends Verdict {
  /** The longest time the traveller held no lease, and a bystander on either node, from the start of the move. */
  readonly gapMs: number;
  readonly bystanderGapMs: number;
}

/** Plays a case: arms the agents, moves the traveller, waits for the fault, mends and waits for the end. */
export async function play(scene: Scene, which: Case): Promise<Played> {
  const fault = `${which.point}:${which.action}`;
  const ends = await findEnds(scene);
  const all = [...which.helpers, { fault }];
  const marks = new Map<string, LogMark>();
  for (const side of ['source', 'target'] as const) {
    const own = all.map((one) => one.fault).filter((one) => one.startsWith(side));
    if (own.length > 0) marks.set(side, await armAgent(scene.lab, ends[side], own.join(',')));
  }
  await owner(scene);
  const startMs = Date.now();
  const job = await migrate(scene, ends, which.mode, which.point === 'source.search');
  const struck = (one: string) => {
    const at = one.replace(/=.*/, '');
    const mark = marks.get(sideOf(one));
    return until(
      () => `${at} strikes: ${mark?.lines().slice(-3).join('\n')}`,
      STRIKE_MS,
      () => mark?.has('a fault strikes', at) ?? false,
    );
  };
  for (const helper of which.helpers) {
    await struck(helper.fault);
    if (helper.holdMs !== undefined) await sleep(helper.holdMs).then(() => letGo(scene, ends, helper));
  }
  const decided = which.keeps === undefined ? undefined : await decide(scene, job ?? '', ends[which.keeps]);
  await struck(fault);
  await mend(scene, ends, which, marks);
  const mendedMs = Date.now();
  const verdict = await settled(scene, ends, job, mendedMs, decided && UNDECIDED);
  await decided?.said;
  const { leases } = scene;
  return {
    ...verdict,
    gapMs: leases.longestGapMs(TRAVELLER, startMs),
    bystanderGapMs: Math.max(
      ...[ends.source, ends.target].map((node) => leases.longestGapMs(bystander(node), startMs)),
    ),
  };
}

/** Where the traveller is and where it goes; the third node only looks on. */
export async function findEnds(scene: Scene): Promise<Ends> {
  const source = await owner(scene);
  return { source, target: source === 'n1' ? 'n2' : 'n1' };
}

/** Starts a move; undefined when its agent died before it could give the job's name, which it may if `mayDie`. */
export async function migrate(
  scene: Scene,
  { target }: Ends,
  mode: string,
  mayDie = false,
): Promise<string | undefined> {
  const args = ['migrate', TRAVELLER, target, '--mode', mode, '--detach', '--json'];
  const { exitCode, stdout, stderr } = await scene.cluster.godwit(...args);
  if (exitCode !== 0 && mayDie) return undefined;
  if (exitCode !== 0) throw new Error(`the move was not accepted: ${stderr}`);
  const { job }: MigrateReply = JSON.parse(stdout);
  return job;
}

async function mend(
  scene: Scene,
  ends: Ends,
  { point, action, helpers }: Case,
  marks: ReadonlyMap<string, LogMark>,
): Promise<void> {
  const side = sideOf(point);
  if (action === 'hang') await sleep(HANG_MS).then(() => letGo(scene, ends, { fault: `${point}:hang` }));
  if (action === 'lose-bus') await sleep(LOSE_BUS_MS);
  if (action === 'kill-agent') {
    const ready = () =>
      marks
        .get(side)
        ?.lines()
        .filter((line) => line.includes('"msg":"ready"')).length ?? 0;
    await until(
      () => `the agent of ${ends[side]} is back: ${marks.get(side)?.lines().slice(-3).join('\n')}`,
      READY_MS,
      () => ready() > 1,
    );
  }
  for (const helper of helpers) {
    if (helper.holdMs === undefined) await letGo(scene, ends, helper);
  }
}

async function letGo(scene: Scene, ends: Ends, { fault }: Helper): Promise<void> {
  if (fault.endsWith(':hang')) await continueAgent(scene.lab, ends[sideOf(fault)]);
}

export async function owner(scene: Scene): Promise<string> {
  let found: string | undefined;
  await until('the traveller’s owner answers', READY_MS, async () => {
    const { exitCode, stdout } = await scene.cluster.godwit('inspect', TRAVELLER, '--json');
    if (exitCode === 0) found = (JSON.parse(stdout) as ContainerInfo).container.owner;
    return found !== undefined;
  });
  return found ?? '';
}

export function sideOf(fault: string): 'source' | 'target' {
  return fault.startsWith('source') ? 'source' : 'target';
}
