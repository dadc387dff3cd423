import type { Records, Versioned } from '../../../agent/bus/bus.ts';
import { withoutJob } from '../../../agent/migration/moving-record.ts';
import { type Facts, type Repair, reconcile } from '../../../agent/recovery/reconcile.ts';
import type { ContainerRecord } from '../../../protocol/mod.ts';
import { follow } from './doubt.ts';
import type { Host } from './host.ts';
import type { Life } from './life.ts';
import { CONTAINER, JOB } from './names.ts';
import type { SimNode } from './node.ts';
import type { World } from './world.ts';

const PAUSE_MS = 200;
const AGAIN_MS = 60_000;

/** An agent that starts reads the records, for as long as it takes. */
export async function readPatiently(world: World, node: SimNode, life: Life): Promise<Versioned> {
  const records = world.store.seenBy(node.place, life);
  const clock = node.clock(life);
  for (;;) {
    const seen = await records.get(CONTAINER).catch(() => undefined);
    if (seen) return seen;
    await clock.sleep(500);
  }
}

/** Whether the agent looks at the container before it answers for anything (agent/recovery/reconcile-all.ts). */
export function comesFirst({ record }: Versioned, node: SimNode): boolean {
  const { owner, phase, job } = record;
  return owner === node.place && (job !== undefined || (phase !== 'running' && phase !== 'stopped'));
}

/** What the agent does about a container without notes (agent/recovery/repair.ts), on a simulated host. */
export async function repair(world: World, node: SimNode, life: Life, seen: Versioned): Promise<void> {
  const records = world.store.seenBy(node.place, life);
  const clock = node.clock(life);
  let versioned = seen;
  for (;;) {
    if (node.move) return;
    const what = reconcile(factsOf(node, versioned.record));
    if (what.kind === 'none') return;
    world.note(node.place, () => `reconciles: ${what.kind}`);
    if (await apply({ world, node, life, records }, what, versioned)) return;
    await clock.sleep(PAUSE_MS);
    versioned = await readPatiently(world, node, life);
  }
}

/** The agent looks again now and then (agent/recovery/look-again.ts). */
export async function keepLooking(world: World, node: SimNode, life: Life): Promise<void> {
  const clock = node.clock(life);
  for (;;) {
    await clock.sleep(AGAIN_MS);
    await repairLate(world, node, life).catch(() => {});
  }
}

/** The source speaks of a commit that this node knows nothing of. */
export async function repairLate(world: World, node: SimNode, life: Life): Promise<void> {
  const seen = await world.store.seenBy(node.place, life).get(CONTAINER);
  if (node.repairing || node.move || seen?.record.owner !== node.place || seen.record.job?.id !== JOB) return;
  // A doubt is followed already, and a loss is the operator's.
  if (node.doubts && seen.record.phase === 'in-doubt') return;
  node.repairing = true;
  await repair(world, node, life, seen);
  node.repairing = false;
}

function factsOf({ place, host }: SimNode, record: ContainerRecord): Facts {
  const states = {
    running: 'running',
    frozen: 'frozen',
    killed: 'frozen',
    held: 'unknown',
    building: 'unknown',
  };
  const state = (states as Record<string, Facts['local']['state']>)[host.copy] ?? 'stopped';
  const defined = host.copy !== 'absent' && host.copy !== 'dead';
  return { node: place, record, local: { defined, state, tasks: host.copy in states } };
}

interface Place {
  readonly world: World;
  readonly node: SimNode;
  readonly life: Life;
  readonly records: Records;
}

/** False when somebody else changed the record, or may have. */
async function apply(place: Place, what: Repair, { record, revision }: Versioned): Promise<boolean> {
  const { world, node, life, records } = place;
  const { host } = node;
  let now: Versioned = { record, revision };
  const swap = async (next: ContainerRecord): Promise<boolean> => {
    const result = await records.update(next, revision).catch(() => undefined);
    if (result?.status === 'ok') now = { record: next, revision: result.revision };
    return result?.status === 'ok';
  };
  const tasks = factsOf(node, record).local.tasks;
  switch (what.kind) {
    case 'follow':
      return swap({ ...record, phase: what.phase });
    case 'finish':
      return swap(withoutJob(record));
    case 'give-back':
      if (!(await swap({ ...withoutJob(record), phase: tasks ? 'running' : 'stopped' }))) return false;
      return life.step(5, () => letGo(host));
    case 'doubt':
      if (record.phase !== 'in-doubt' && !(await swap({ ...record, phase: 'in-doubt' }))) return false;
      node.doubts = true;
      void follow(world, node, life, now);
      return true;
    case 'fence':
      if (!(await swap(record))) return false;
      return life.step(5, () => fence(host));
    case 'define':
      await life.step(5, () => set(host, 'stopped'));
      return false;
    default:
      if (!(await swap(record))) return false;
      return life.step(5, () => set(host, 'absent'));
  }
}

function letGo(host: Host): true {
  if (host.copy === 'frozen') host.copy = 'running';
  return true;
}

function fence(host: Host): true {
  if (host.copy === 'running') host.copy = 'frozen';
  else host.copy = 'absent';
  return true;
}

function set(host: Host, copy: Host['copy']): true {
  host.copy = copy;
  return true;
}
