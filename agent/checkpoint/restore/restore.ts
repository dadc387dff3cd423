import {
  GodwitError,
  type Refusal,
  type RestoreReply,
  type RestoreRequest,
  toGodwitError,
} from '../../../protocol/mod.ts';
import type { Versioned } from '../../bus/bus.ts';
import type { Agent } from '../../migration/agent.ts';
import { JOURNAL_VERSION, Journal } from '../../migration/journal.ts';
import { persistently } from '../../migration/persistently.ts';
import { standing } from '../../preflight/catalogue.ts';
import { StoreJob, type StoreWork } from '../job.ts';
import { type RestoreNotes, restoreDir } from '../notes.ts';
import type { KeptFile } from '../store/manifest.ts';
import { type CheckpointStore, type Found, shown } from '../store/store.ts';
import { storeOf } from '../store-of.ts';
import { commitRestore } from './commit.ts';
import { RestoredCopy } from './copy.ts';
import { compareLower } from './lower.ts';
import { findCheckpoint, planRestore, type RestorePlan } from './plan.ts';
import { neighbourRefusals, restoreRefusals } from './preflight.ts';

/** After its time limit a job has given up; a restore that has not is ended. */
const GRACE_MS = 60_000;

/**
 * Accepts a restore on this node and runs it as a job, or, as a dry run, answers what speaks against it.
 * @throws GodwitError CHECKPOINTS_OFF, CHECKPOINT_NOT_FOUND, CHECKPOINT_DAMAGED, CONTAINER_BUSY, USAGE, NAME_INVALID; a dry run
 * also what `planRestore` throws
 */
export async function restoreContainer(
  agent: Agent,
  request: RestoreRequest,
): Promise<Omit<RestoreReply, 'type'>> {
  const store = storeOf(agent);
  const found = await findCheckpoint(store, request);
  const container = request.as ?? request.container;
  const reply = { container, node: agent.config.node, checkpoint: shown(found) };
  if (request.dryRun) {
    const plan = await planRestore(agent, found, request);
    return { ...reply, refusals: await restoreRefusals(agent, '', plan, { asks: true }) };
  }
  const how = `from ${found.manifest.id}${request.as === undefined ? '' : ` of '${request.container}'`}`;
  const job = new StoreJob(agent, { kind: 'restore', container, how, timeoutMs: request.timeoutMs });
  await job.accept((work) => new Restoring(agent, store, { found, request }, work).run());
  return { ...reply, job: job.tracker.current.job, refusals: [] };
}

interface Verdicts {
  readonly allowed: Promise<void>;
  readonly asked: Promise<void>;
}

/** Nothing of what it had is replaced, or has to be compared before. */
function beginsAtOnce({ way, found: { manifest } }: RestorePlan): boolean {
  return way === 'own' && manifest.trees.length === 0 && manifest.lower.length === 0;
}

/** One restore, from the look at the node to the record. */
class Restoring {
  private readonly agent: Agent;
  private readonly store: CheckpointStore;
  private readonly wish: { readonly found: Found; readonly request: RestoreRequest };
  private readonly work: StoreWork;

  constructor(agent: Agent, store: CheckpointStore, wish: Restoring['wish'], work: StoreWork) {
    this.agent = agent;
    this.store = store;
    this.wish = wish;
    this.work = work;
  }

  async run(): Promise<void> {
    const { agent, wish, work } = this;
    const { found, request } = wish;
    const digest = shown(found);
    const { id, storedBytes, rootfsBytes } = digest;
    work.tracker.set({ checkpoint: { id, storedBytes } });
    work.tracker.set({ bytes: { ...work.tracker.current.bytes, rootfs: rootfsBytes } });
    work.tracker.phase('preflight');
    const plan = await planRestore(agent, found, request);
    const neighbours = neighbourRefusals(agent, plan);
    const asked = neighbours.then((found) => this.refuse(plan, found));
    asked.catch(() => {});
    const allowed = restoreRefusals(agent, work.job, plan, { asks: false }).then(async (found) => {
      // Who is refused has the time to hear all reasons.
      if (this.stands(found)) this.refuse(plan, [...found, ...(await neighbours)]);
    });
    allowed.catch(() => {});
    // Where it stands still in its own place, what is begun for it can be taken back; elsewhere nothing is touched before.
    if (!beginsAtOnce(plan)) await allowed;
    // Nothing of this node answers yet: whoever does may be the copy whose owner an operator believes dead.
    if (plan.way === 'force') await asked;
    work.signal.throwIfAborted();
    await this.build(plan, { allowed, asked });
  }

  private stands(found: readonly Refusal[]): boolean {
    return standing(found, this.wish.request.unsafe).length > 0;
  }

  /** @throws GodwitError CHECKPOINT_REFUSED unless all of them may be passed over */
  private refuse({ spec }: RestorePlan, found: readonly Refusal[]): void {
    const refusals = standing(found, this.wish.request.unsafe);
    if (refusals.length === 0) return;
    const problem = refusals.map(({ message }) => message).join('; ');
    const { node } = this.agent.config;
    throw new GodwitError('CHECKPOINT_REFUSED', {
      what: 'restore',
      container: spec.name,
      node,
      problem,
      refusals,
    });
  }

  /**
   * Until the record says that it runs here, any failure leaves everything as it was. `allowed` rejects when this node cannot take it,
   * `asked` when somebody else has its addresses.
   */
  private async build(plan: RestorePlan, { allowed, asked }: Verdicts): Promise<void> {
    const { agent, work, wish, store } = this;
    const { job, tracker, signal } = work;
    const { name } = plan.spec;
    const notes = this.notes(plan);
    const journal = Journal.begin(restoreDir(agent.config.runDir, job), notes, agent.log);
    const copy = new RestoredCopy(agent, {
      job,
      plan,
      notes,
      defined: agent.containers.has(name) ? agent.containers.get(name).spec : undefined,
      signal,
      deadlineMs: wish.request.timeoutMs + GRACE_MS,
    });
    let committed: Versioned;
    try {
      if (!beginsAtOnce(plan)) await compareLower(agent, store, plan, this.unpacking(notes));
      await copy.unpack(store, {
        allowed: async () => {
          await allowed;
          tracker.phase('unpack');
        },
        done: (file, totalBytes) => this.count(file, totalBytes),
      });
      // A refusal that has come by now ends it here. Directories are not exchanged before it is known that none will come.
      await (notes.withTrees ? asked : Promise.race([asked, Promise.resolve()]));
      tracker.phase('restore');
      await copy.build();
      await asked;
      work.decide();
      tracker.phase('commit');
      committed = await commitRestore(agent, job, plan);
    } catch (error) {
      tracker.phase('undo');
      await persistently(agent, { job, what: 'undo' }, () => copy.undo());
      await journal.close();
      // What was begun on trust may have failed of the very thing that this node is refused for.
      if (!signal.aborted) await allowed;
      throw this.explained(error, name);
    }
    try {
      await this.resume(copy, committed);
    } finally {
      // Whatever came of it, the record tells it from now on: the notes would speak of what was before.
      await journal.close();
    }
  }

  private async resume(copy: RestoredCopy, committed: Versioned): Promise<void> {
    const { agent, work } = this;
    const { name } = committed.record;
    work.tracker.phase('resume');
    // Beside the rest: the tasks stand still.
    const noted = persistently(agent, { job: work.job, what: 'noting the commit' }, () => copy.noteCommit());
    try {
      await agent.containers.adopt(committed);
      work.tracker.set({ resumedAtMs: await copy.resume() });
    } catch (error) {
      // Whatever came of it: what the record is told next has to be true.
      await persistently(agent, { job: work.job, what: 'undo' }, () =>
        agent.runtime.stop(name, { timeoutMs: 0, kill: true }),
      );
      await agent.containers.change(name, (record) => ({ ...record, phase: 'stopped' }));
      throw this.explained(error, name);
    } finally {
      await noted;
      await copy.leaveOldTrees();
      await copy.settle();
    }
    void copy.trimOldTrees();
  }

  private notes({ before, xml, spec, found: { manifest } }: RestorePlan): RestoreNotes {
    return {
      version: JOURNAL_VERSION,
      side: 'restore',
      job: this.work.job,
      container: spec.name,
      checkpoint: manifest.id,
      xml,
      ...(before ? { before } : {}),
      ...(manifest.trees.length > 0 ? { withTrees: true } : {}),
    };
  }

  private unpacking({ job }: RestoreNotes) {
    const { agent, work, wish } = this;
    const { signal } = work;
    const deadlineMs = wish.request.timeoutMs + GRACE_MS;
    return { runner: agent.runner, dir: restoreDir(agent.config.runDir, job), signal, deadlineMs };
  }

  private count({ name, bytes }: KeptFile, totalBytes: number): void {
    const { tracker } = this.work;
    const now = tracker.current.bytes;
    const kind = name.startsWith('pages-') ? 'memory' : 'images';
    tracker.set({ bytes: { ...now, [kind]: now[kind] + bytes } });
    const { memory, images } = tracker.current.bytes;
    tracker.progress({ bytes: memory + images, totalBytes });
  }

  /** The words of a move do not fit: there is no source at which the container runs on. */
  private explained(error: unknown, container: string): GodwitError {
    const { code, details, message } = toGodwitError(error);
    if (code !== 'RESTORE_FAILED') return toGodwitError(error);
    const { node } = this.agent.config;
    const { problem = message, cure, lines } = details;
    const checkpoint = this.wish.found.manifest.id;
    return new GodwitError(
      'CHECKPOINT_NOT_RESTORED',
      { container, checkpoint, node, problem, cure, lines },
      { cause: error },
    );
  }
}
