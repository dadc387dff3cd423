import { parseDomain } from '../../../protocol/domain/mod.ts';
import type { DomainSpec } from '../../../protocol/mod.ts';
import { openHooks } from '../../criu/mod.ts';
import { announceAddresses } from '../../host/announce.ts';
import { killProcesses } from '../../host/named-processes.ts';
import type { Agent } from '../../migration/agent.ts';
import { type RestoreNotes, restoreDir } from '../notes.ts';
import { wasCommitted } from './commit.ts';
import { forgetTrees } from './tree-notes.ts';
import { settleTrees, takeTreesBack } from './trees.ts';

/** How long a restore that was told to stop may take, before it is killed. */
const STOP_MS = 3_000;

/**
 * A restore in whose middle an earlier agent died: the record says whether the container is to run. Its tasks, held or let go
 * already, outlived that agent.
 */
export async function recoverRestore(agent: Agent, notes: RestoreNotes): Promise<'done' | 'undone'> {
  const { config, containers, runtime } = agent;
  const { xml, before, job } = notes;
  const spec = parseDomain(xml, { file: `restore ${job}` });
  const dir = restoreDir(config.runDir, job);
  const committed = await wasCommitted(agent, { spec, xml, ...(before ? { before } : {}) });
  if (!committed) {
    await stop(agent, dir, spec);
    await killProcesses(dir);
    // Should any of its tasks have come to run, they must not.
    await runtime.stop(spec.name, { timeoutMs: 0, kill: true });
    if (notes.withTrees) await bringBack(agent, spec, job);
    const own = before?.record.owner === config.node ? before.record : undefined;
    if (own) await runtime.define(parseDomain(own.spec, { file: `record of ${own.name}` }));
    else await runtime.undefine(spec.name);
    return 'undone';
  }
  await containers.adopt(committed);
  if (notes.withTrees) await settle(agent, spec, job);
  try {
    await resume(agent, dir, spec);
  } catch (error) {
    agent.log.error({ job, container: spec.name, err: error }, 'what was restored is gone');
    await containers.change(spec.name, (record) => ({ ...record, phase: 'stopped' }));
    return 'undone';
  }
  await killProcesses(dir);
  return 'done';
}

/** After a power cut: no task is left, and the record says whose the directories are that lie in their places. */
export async function recoverTrees(agent: Agent, notes: RestoreNotes): Promise<'done' | 'undone'> {
  const { xml, before, job } = notes;
  const spec = parseDomain(xml, { file: `restore ${job}` });
  const committed = await wasCommitted(agent, { spec, xml, ...(before ? { before } : {}) });
  await (committed ? settle(agent, spec, job) : bringBack(agent, spec, job));
  return committed ? 'done' : 'undone';
}

async function settle(agent: Agent, spec: DomainSpec, job: string): Promise<void> {
  await settleTrees(agent, spec, job);
  await forgetTrees(agent.config.stateDir, job);
}

async function bringBack(agent: Agent, spec: DomainSpec, job: string): Promise<void> {
  await takeTreesBack(agent, spec, job);
  await forgetTrees(agent.config.stateDir, job);
}

/** Also one that runs already: then there is nobody to be told, and the runtime takes it over. */
async function resume(agent: Agent, dir: string, spec: DomainSpec): Promise<void> {
  const hooks = await hooksOf(agent, dir);
  try {
    await hooks.answer('post-restore', 'go');
    const { initPid } = await agent.runtime.restored(spec, new AbortController().signal);
    announceAddresses(initPid, spec.interfaces, agent).catch((error: unknown) => {
      agent.log.warn({ container: spec.name, err: error }, 'the new place could not be announced');
    });
  } finally {
    await hooks.close();
  }
}

/** One that is held ends by itself, and takes along what it has built. */
async function stop(agent: Agent, dir: string, spec: DomainSpec): Promise<void> {
  const hooks = await hooksOf(agent, dir);
  await hooks.answer('post-restore', 'stop');
  await agent.runtime.restored(spec, AbortSignal.timeout(STOP_MS)).catch(() => {});
  await hooks.close();
}

function hooksOf({ clock, runner }: Agent, dir: string) {
  return openHooks({ dir, held: ['post-restore'], told: ['post-resume'], clock, runner });
}
