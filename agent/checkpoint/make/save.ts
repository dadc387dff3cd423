import {
  type CheckpointReply,
  type CheckpointRequest,
  type Compression,
  type DomainSpec,
  GodwitError,
  type RootfsPass,
} from '../../../protocol/mod.ts';
import { both } from '../../effects/both.ts';
import { Reverter } from '../../effects/reverter.ts';
import { noteTracked } from '../../host/tracked-memory.ts';
import type { Agent } from '../../migration/agent.ts';
import { JOURNAL_VERSION, Journal } from '../../migration/journal.ts';
import { memoryInPlace } from '../../migration/memory-in-place.ts';
import { persistently } from '../../migration/persistently.ts';
import { unpackChain } from '../chain.ts';
import { StoreJob, type StoreWork } from '../job.ts';
import { type SaveNotes, saveDir } from '../notes.ts';
import { hasZstd } from '../store/compress.ts';
import { Draft } from '../store/draft.ts';
import { type Manifest, makeManifest } from '../store/manifest.ts';
import { newCheckpointId } from '../store/names.ts';
import type { CheckpointStore, Found } from '../store/store.ts';
import { storeOf } from '../store-of.ts';
import { keepLower } from '../trees/lists.ts';
import { SavedTrees } from '../trees/saved.ts';
import { SavedCopy, type SaveMoments } from './copy.ts';
import { chooseIncrement, type Increment } from './parent.ts';
import { lookBeforeSave } from './preflight.ts';

/** After its time limit a job has given up; a criu that has not is ended. */
const GRACE_MS = 60_000;

type Trigger = Manifest['trigger'];

/**
 * Accepts a checkpoint and runs it as a job. `over` resolves at its end.
 * @throws GodwitError CHECKPOINTS_OFF, CONTAINER_BUSY, CONTAINER_STATE
 */
export async function checkpointContainer(
  agent: Agent,
  name: string,
  request: Omit<CheckpointRequest, 'type'>,
  trigger: Trigger = 'operator',
): Promise<{ readonly reply: Omit<CheckpointReply, 'type'>; readonly over: Promise<void> }> {
  const { config, containers, runtime } = agent;
  const store = storeOf(agent);
  const { record } = containers.get(name);
  const holder = record.job?.id ?? containers.holder(name);
  if (holder) throw new GodwitError('CONTAINER_BUSY', { container: name, job: holder });
  const { state } = await runtime.status(name);
  if (state !== 'running' || record.phase !== 'running')
    throw new GodwitError('CONTAINER_STATE', { container: name, state, wanted: 'running' });
  const { timeoutMs, leaveRunning } = request;
  const how = leaveRunning ? 'it runs on afterwards' : 'it is stopped afterwards';
  const job = new StoreJob(agent, { kind: 'checkpoint', container: name, how, timeoutMs });
  const { over } = await job.accept((work) => new Save(agent, store, { name, request, trigger }, work).run());
  return { reply: { container: name, node: config.node, job: job.tracker.current.job }, over };
}

interface SaveWish {
  readonly name: string;
  readonly request: Omit<CheckpointRequest, 'type'>;
  readonly trigger: Trigger;
}

type Facts = Omit<Manifest, 'type' | 'version' | 'files' | 'trees' | 'lower'>;

/** One checkpoint, from the look at the container to the record. */
class Save {
  private readonly agent: Agent;
  private readonly store: CheckpointStore;
  private readonly wish: SaveWish;
  private readonly work: StoreWork;

  constructor(agent: Agent, store: CheckpointStore, wish: SaveWish, work: StoreWork) {
    this.agent = agent;
    this.store = store;
    this.wish = wish;
    this.work = work;
  }

  async run(): Promise<void> {
    const { agent, store, wish, work } = this;
    const { name, request } = wish;
    const { job, tracker } = work;
    tracker.phase('preflight');
    await memoryInPlace(agent, name);
    const { record, spec } = await agent.containers.refresh(name);
    const compression = await this.compression();
    const draft = await Draft.begin(store, { container: name, node: agent.config.node, job });
    try {
      const facts = await lookBeforeSave(agent, spec, {
        store: store.dir,
        unsafe: request.unsafe,
        staged: request.leaveRunning,
        directories: request.directories,
      });
      const id = newCheckpointId(agent.clock.nowMs(), agent.random.id());
      tracker.set({ checkpoint: { id, storedBytes: 0 } });
      const { capabilities, cpuFlags, limitFiles, rootfs, memoryBytes } = facts;
      const increment = await chooseIncrement(agent, store, name, request);
      const parent = increment.parents[0]?.manifest.id;
      await this.keep(draft, increment, {
        id,
        container: name,
        uuid: record.uuid,
        node: agent.config.node,
        epoch: record.epoch,
        createdAtMs: agent.clock.nowMs(),
        trigger: wish.trigger,
        ...(parent === undefined ? {} : { parent }),
        leftRunning: request.leaveRunning,
        compression,
        spec: record.spec,
        capabilities,
        cpuFlags: [...cpuFlags],
        limitFiles: [...limitFiles],
        memoryBytes,
        ...(rootfs ? { rootfs } : {}),
      });
    } finally {
      await draft.discard();
    }
  }

  /** Until the checkpoint is whole any failure leaves the container running; from then on it is stopped, if it is to be. */
  private async keep(draft: Draft, { parents, track }: Increment, facts: Facts): Promise<void> {
    const { agent, work, wish } = this;
    const { leaveRunning, directories, timeoutMs } = wish.request;
    const { spec } = agent.containers.get(wish.name);
    const { job, signal } = work;
    const dir = saveDir(agent.config.runDir, job);
    const journal = Journal.begin(dir, this.notes(facts.id), agent.log);
    const staging = new Reverter();
    let copy: SavedCopy | undefined;
    try {
      const deadlineMs = timeoutMs + GRACE_MS;
      const wanted = { job, spec, staged: leaveRunning, dir, signal, deadlineMs };
      const trees = directories ? await SavedTrees.begin(agent, staging, wanted) : undefined;
      if (trees) {
        work.tracker.phase('rootfs');
        await trees.passes((pass) => this.passed(pass));
        if (leaveRunning) journal.note({ holds: true });
      }
      copy = new SavedCopy(agent, {
        ...{ job, spec, leaveRunning, deadlineMs, track },
        ...(parents.length === 0 ? {} : { previous: (images) => this.previous(parents, images) }),
        note: (held) => journal.note({ held }),
        ...(trees ? { still: (cgroup) => trees.still(cgroup, (pass) => this.passed(pass)) } : {}),
      });
      signal.throwIfAborted();
      work.tracker.phase('dump');
      const { images, initPid, whole, ...moments } = await copy.save();
      this.tell(moments);
      const kept = await this.take(draft, { images, spec, dir }, facts.compression, trees);
      work.decide();
      // In a checkpoint that stops its container the state is that of the dump.
      const built = { ...facts, createdAtMs: moments.stoppedAtMs, ...kept };
      await draft.publish(makeManifest(whole ? withoutParent(built) : built), signal);
      if (!whole) await this.refuseOrphan(facts.id);
      if (track) await this.noteTracked(initPid, facts.id);
      if (!leaveRunning) journal.note({ killing: true }, true);
    } catch (error) {
      work.tracker.phase('undo');
      await persistently(agent, { job, what: 'undo' }, async () => copy?.undo());
      await this.clear(staging);
      await journal.close();
      throw error;
    }
    if (leaveRunning) await copy.settle();
    else await this.stop(copy);
    await this.clear(staging);
    await journal.close();
  }

  /** Where criu finds what it builds on; undefined when that is not there any more, or damaged. */
  private async previous(parents: readonly Found[], images: string): Promise<string | undefined> {
    try {
      return await unpackChain(this.store, parents, images, { ...this.options(), pages: 'empty' });
    } catch (error) {
      if (!(error instanceof GodwitError && error.code === 'CHECKPOINT_DAMAGED')) throw error;
      this.agent.log.warn({ job: this.work.job, err: error }, 'this checkpoint is whole');
      return undefined;
    }
  }

  /**
   * Another node may have deleted what it builds on, before it was there to be seen.
   * @throws GodwitError CHECKPOINT_FAILED; HOST_FAILED when that cannot be seen: it stays then
   */
  private async refuseOrphan(id: string): Promise<void> {
    const { store, agent, wish } = this;
    const found = await store.find(id);
    try {
      await store.chain(found);
    } catch (error) {
      if (!(error instanceof GodwitError && error.code === 'CHECKPOINT_DAMAGED')) throw error;
      await store.delete(found, agent.random.id());
      const { message: problem } = error;
      throw new GodwitError('CHECKPOINT_FAILED', { container: wish.name, problem }, { cause: error });
    }
  }

  /** Without the note the next one is whole; this one is there all the same. */
  private async noteTracked(initPid: number, id: string): Promise<void> {
    const { agent, work } = this;
    await noteTracked(agent.config.runDir, initPid, id).catch((error: unknown) => {
      agent.log.warn({ job: work.job, err: error }, 'the next checkpoint is whole');
    });
  }

  private options() {
    const { agent, work, wish } = this;
    return { runner: agent.runner, signal: work.signal, deadlineMs: wish.request.timeoutMs };
  }

  private async clear(staging: Reverter): Promise<void> {
    const { agent, work } = this;
    for (const { what, error } of await staging.revert())
      agent.log.warn({ job: work.job, what, err: error }, 'could not be undone');
  }

  private passed(pass: RootfsPass): void {
    const { tracker } = this.work;
    tracker.set({ rootfsPasses: [...tracker.current.rootfsPasses, pass] });
  }

  private async take(
    draft: Draft,
    of: { readonly images: string; readonly spec: DomainSpec; readonly dir: string },
    compression: Compression,
    saved: SavedTrees | undefined,
  ): Promise<Pick<Manifest, 'files' | 'trees' | 'lower'>> {
    const { agent } = this;
    const { tracker } = this.work;
    tracker.phase('store');
    const bytes = { memory: 0, images: 0, rootfs: 0 };
    let storedBytes = 0;
    const files = await draft.take(of.images, compression, this.options(), (file) => {
      bytes[file.name.startsWith('pages-') ? 'memory' : 'images'] += file.bytes;
      storedBytes += file.keptBytes;
      tracker.progress({ bytes: bytes.memory + bytes.images });
    });
    const trees = (await saved?.keep(draft, compression)) ?? [];
    const lower = await keepLower(agent, draft, of, compression, this.options());
    bytes.rootfs = trees.reduce((sum, tree) => sum + tree.bytes, 0);
    const beside = [
      ...trees.flatMap(({ archive, listing }) => [archive, listing]),
      ...lower.map((one) => one.listing),
    ];
    storedBytes += beside.reduce((sum, { keptBytes }) => sum + keptBytes, 0);
    const { id = '' } = tracker.current.checkpoint ?? {};
    tracker.set({ bytes, checkpoint: { id, storedBytes } });
    return { files, trees, lower };
  }

  private async stop(copy: SavedCopy): Promise<void> {
    const { agent, work, wish } = this;
    work.tracker.phase('stop');
    const { job } = work;
    await persistently(agent, { job, what: 'kill' }, () => copy.kill());
    await both(
      persistently(agent, { job, what: 'sweep' }, () => copy.sweep()),
      agent.containers.change(wish.name, (record) => ({ ...record, phase: 'stopped' })),
    );
  }

  private tell({ stoppedAtMs, completeAtMs, resumedAtMs }: SaveMoments): void {
    this.work.tracker.set({
      stoppedAtMs,
      freezeMs: Math.max(0, completeAtMs - stoppedAtMs),
      ...(resumedAtMs === undefined
        ? {}
        : { resumedAtMs, downtimeMs: Math.max(0, resumedAtMs - stoppedAtMs) }),
    });
  }

  private notes(checkpoint: string): SaveNotes {
    const { name, request } = this.wish;
    const { leaveRunning } = request;
    const { job } = this.work;
    return { version: JOURNAL_VERSION, side: 'checkpoint', job, container: name, checkpoint, leaveRunning };
  }

  private async compression(): Promise<Compression> {
    const { agent, wish } = this;
    const wanted = wish.request.compression ?? agent.config.checkpoints.compression;
    if (wanted === 'zlib' || wanted === 'none') return wanted;
    if (await hasZstd(agent.runner)) return 'zstd';
    if (wanted === 'auto') return 'zlib';
    throw new GodwitError('UNSUPPORTED', { problem: `zstd is not installed on ${agent.config.node}` });
  }
}

function withoutParent<T extends Pick<Manifest, 'parent'>>({ parent: _, ...rest }: T): Omit<T, 'parent'> {
  return rest;
}
