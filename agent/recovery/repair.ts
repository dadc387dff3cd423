import { parseDomain } from '../../protocol/domain/mod.ts';
import type { ContainerRecord } from '../../protocol/mod.ts';
import type { Versioned } from '../bus/bus.ts';
import { freezeCgroup } from '../host/freeze.ts';
import type { Agent } from '../migration/agent.ts';
import { withoutJob } from '../migration/moving-record.ts';
import { letGo } from '../migration/source/held.ts';
import { type Facts, type Repair, reconcile } from './reconcile.ts';

/** Tries of a compare-and-swap that others may win; each looks at the container afresh. */
const ATTEMPTS = 5;
const PAUSE_MS = 200;

/**
 * Makes one container true again: its record, and what of it is on this node. What is decided from a record that others may
 * change takes effect only after a CAS of it. Returns the record as it is then.
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
  for (let attempt = 1; ; attempt++) {
    const repair = reconcile(await factsOf(agent, name, defined, versioned?.record));
    if (repair.kind === 'none') return versioned;
    agent.log.warn({ container: name, phase: versioned?.record.phase, repair }, 'reconciles a container');
    const done = await apply(agent, name, repair, versioned);
    if (done !== 'conflict') return done;
    if (attempt === ATTEMPTS) {
      agent.log.error({ container: name, repair }, 'its record keeps changing; it is left as it is');
      return versioned;
    }
    await agent.clock.sleep(PAUSE_MS);
    versioned = await agent.bus.records.get(name);
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

/** The record as it is now; `conflict`: somebody else changed it, or may have. */
async function apply(
  agent: Agent,
  name: string,
  repair: Exclude<Repair, { kind: 'none' }>,
  versioned: Versioned | undefined,
): Promise<Versioned | undefined | 'conflict'> {
  if (repair.kind === 'clear') {
    await clear(agent, name);
    return versioned;
  }
  if (!versioned) return undefined;
  const { record } = versioned;
  switch (repair.kind) {
    case 'define':
      await agent.runtime.define(parseDomain(record.spec, { file: `record of ${name}` }));
      return versioned;
    case 'follow':
      return swap(agent, versioned, { ...record, phase: repair.phase });
    case 'finish':
      return swap(agent, versioned, withoutJob(record));
    case 'give-back':
      return giveBack(agent, versioned);
    case 'doubt':
      return swap(agent, versioned, { ...record, phase: 'in-doubt' });
    case 'fence':
      return fence(agent, versioned);
  }
}

async function swap(agent: Agent, { record, revision }: Versioned, next: ContainerRecord) {
  if (next.phase === record.phase && next.job?.id === record.job?.id) return { record, revision };
  const result = await agent.bus.records.update(next, revision);
  return result.status === 'ok' ? { record: next, revision: result.revision } : 'conflict';
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
  const { record, revision } = versioned;
  const confirmed = await agent.bus.records.update(record, revision);
  if (confirmed.status !== 'ok') return 'conflict' as const;
  if ((await agent.runtime.status(record.name)).state === 'unknown') await clear(agent, record.name);
  else await freezeCgroup(await agent.runtime.cgroup(record.name), agent.clock);
  agent.log.error(
    { container: record.name, owner: record.owner, epoch: record.epoch },
    'tasks of a container that another node owns were here: they are frozen, or gone if they never ran',
  );
  return { record, revision: confirmed.revision };
}
