import { parseDomain } from '../../../protocol/domain/mod.ts';
import type { DomainSpec } from '../../../protocol/mod.ts';
import { openHooks } from '../../criu/mod.ts';
import { announceAddresses } from '../../host/announce.ts';
import { killProcesses } from '../../host/named-processes.ts';
import type { Agent } from '../../migration/agent.ts';
import { reconcileHeld } from '../../recovery/reconcile-all.ts';
import { type RestoreNotes, restoreDir } from '../notes.ts';
import { restoredRecord, wasCommitted } from './commit.ts';
import { bringTreesToEnd } from './end-trees.ts';
import { notedVerdict, noteTrees } from './tree-notes.ts';

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
  const noted = notes.withTrees ? await notedVerdict(config.stateDir, job) : undefined;
  const decided = { spec, xml, ...(before ? { before } : {}) };
  const committed = noted === 'undone' ? undefined : await wasCommitted(agent, decided);
  const seen = committed ?? (await agent.bus.records.get(spec.name));
  const own = seen?.record.owner === config.node ? seen.record : undefined;
  const planned = restoredRecord(agent, decided);
  // Nobody moves it before its restore is over: that was, and what was built has gone its own way since.
  const movedOn = own !== undefined && own.epoch > planned.epoch;
  const came =
    committed !== undefined || movedOn || (own !== undefined && before?.record.owner !== own.owner);
  const verdict = noted ?? (came ? 'committed' : 'undone');
  if (notes.withTrees && !noted) await noteTrees(config.stateDir, { ...notes, verdict });
  if (movedOn) {
    if (notes.withTrees) await bringTreesToEnd(agent, notes, verdict);
    await reconcileHeld(agent, spec.name);
    return 'undone';
  }
  if (!committed) {
    await stop(agent, dir, spec);
    await killProcesses(dir);
    // Should any of its tasks have come to run, they must not.
    await runtime.stop(spec.name, { timeoutMs: 0, kill: true });
    if (notes.withTrees) await bringTreesToEnd(agent, notes, verdict);
    // As the record is by now: a restore whose tasks were lost after its commit looks the same from here.
    if (own) await runtime.define(parseDomain(own.spec, { file: `record of ${own.name}` }));
    else await runtime.undefine(spec.name);
    return 'undone';
  }
  await containers.adopt(committed);
  try {
    await resume(agent, dir, spec);
  } catch (error) {
    agent.log.error({ job, container: spec.name, err: error }, 'what was restored is gone');
    await containers.change(spec.name, (record) => ({ ...record, phase: 'stopped' }));
    return 'undone';
  } finally {
    if (notes.withTrees) await bringTreesToEnd(agent, notes, verdict);
  }
  await killProcesses(dir);
  return 'done';
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
