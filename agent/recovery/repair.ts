import { parseDomain } from '../../protocol/domain/mod.ts';
import { type ContainerRecord, GodwitError } from '../../protocol/mod.ts';
import type { Versioned } from '../bus/bus.ts';
import { freezeCgroup } from '../host/freeze.ts';
import type { Agent } from '../migration/agent.ts';
import { withoutJob } from '../migration/moving-record.ts';
import { letGo } from '../migration/source/held.ts';
import { type Facts, type Repair, reconcile } from './reconcile.ts';

/** Between two tries, which look at the container afresh. */
const PAUSE_MS = { first: 200, longest: 2_000 };

/**
 * Makes one container true again: its record, and what of it is on this node. What is decided from a record that others may
 * change takes effect only after a CAS of it, and is tried until one answers: nobody else would do it. Returns the record as
 * it is then.
 */
export async function repairContainer(
  agent: Agent,
  {
    name,
    defined,
    seen,
  }: { readonly name: string; readonly defined: boolean; readonly seen?: Versioned | undefined },
): Promise<Versioned | undefined> {
  let versioned = seen;
  let isDefined = defined;
  for (let pauseMs = PAUSE_MS.first; ; pauseMs = Math.min(PAUSE_MS.longest, pauseMs * 2)) {
    const repair = reconcile(await factsOf(agent, name, isDefined, versioned?.record));
    if (repair.kind === 'none') return versioned;
    agent.log.warn({ container: name, phase: versioned?.record.phase, repair }, 'reconciles a container');
    const done = await apply(agent, name, repair, versioned);
    if (done === 'defined') {
      isDefined = true;
      continue;
    }
    if (done !== 'conflict') return done;
    await agent.clock.sleep(pauseMs);
    versioned = (await read(agent, name)) ?? versioned;
  }
}

/** Undefined when the store does not answer, or shows nothing. */
async function read({ bus }: Agent, name: string): Promise<Versioned | undefined> {
  try {
    return await bus.records.get(name);
  } catch (error) {
    if (error instanceof GodwitError) return undefined;
    throw error;
  }
}

async function factsOf(
  { config, runtime }: Agent,
  name: string,
  defined: boolean,
  record?: ContainerRecord,
): Promise<Facts> {
  const { state, pid } = await runtime.status(name);
  return { node: config.node, record, local: { defined, state, tasks: pid !== undefined } };
}

/** The record as it is now; `conflict`: somebody else changed it, or may have; `defined`: it is to be looked at again. */
async function apply(
  agent: Agent,
  name: string,
  repair: Exclude<Repair, { kind: 'none' }>,
  versioned: Versioned | undefined,
): Promise<Versioned | undefined | 'conflict' | 'defined'> {
  if (!versioned) {
    if (repair.kind === 'clear') await clear(agent, name);
    return undefined;
  }
  const { record } = versioned;
  switch (repair.kind) {
    case 'define':
      await agent.runtime.define(parseDomain(record.spec, { file: `record of ${name}` }));
      return 'defined';
    case 'follow':
      return swap(agent, versioned, { ...record, phase: repair.phase });
    case 'finish':
      return swap(agent, versioned, withoutJob(record));
    case 'give-back':
      return giveBack(agent, versioned);
    case 'doubt':
      return swap(agent, versioned, { ...record, phase: 'in-doubt' });
    case 'clear': {
      const confirmed = await confirm(agent, versioned);
      if (confirmed !== 'conflict') await clear(agent, name);
      return confirmed;
    }
    case 'fence':
      return fence(agent, versioned);
  }
}

async function swap(agent: Agent, { record, revision }: Versioned, next: ContainerRecord) {
  if (next.phase === record.phase && next.job?.id === record.job?.id) return { record, revision };
  return write(agent, next, revision);
}

/** A read may be stale: what is destroyed for a record is destroyed after a swap that changes nothing. */
function confirm(agent: Agent, { record, revision }: Versioned) {
  return write(agent, record, revision);
}

async function write(agent: Agent, record: ContainerRecord, revision: number) {
  const result = await agent.bus.records.update(record, revision).catch((error: unknown) => {
    if (error instanceof GodwitError) return { status: 'unknown' } as const;
    throw error;
  });
  return result.status === 'ok' ? { record, revision: result.revision } : ('conflict' as const);
}

/** Whether the commit was sent is not known here: the record first, then the tasks. */
async function giveBack(agent: Agent, versioned: Versioned) {
  const { runtime } = agent;
  const { record } = versioned;
  const { state, pid } = await runtime.status(record.name);
  const given = await swap(agent, versioned, {
    ...withoutJob(record),
    phase: pid === undefined ? 'stopped' : 'running',
  });
  if (given === 'conflict' || pid === undefined || state === 'unknown') return given;
  const plan = await runtime.dumpPlan(parseDomain(record.spec, { file: `record of ${record.name}` }));
  await letGo(agent, record.job?.id ?? '', plan, []);
  return given;
}

async function clear({ runtime }: Agent, name: string): Promise<void> {
  await runtime.sweep(name);
  await runtime.undefine(name);
}

/** What LXC runs is frozen rather than killed: should the record be wrong, nothing is gone. The rest never ran. */
async function fence(agent: Agent, versioned: Versioned) {
  const { record } = versioned;
  const confirmed = await confirm(agent, versioned);
  if (confirmed === 'conflict') return confirmed;
  if ((await agent.runtime.status(record.name)).state === 'unknown') await clear(agent, record.name);
  else await freezeCgroup(await agent.runtime.cgroup(record.name), agent.clock);
  agent.log.error(
    { container: record.name, owner: record.owner, epoch: record.epoch },
    'tasks of a container that another node owns were here: they are frozen, or gone if they never ran',
  );
  return confirmed;
}
