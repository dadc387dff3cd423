import { join } from 'node:path';
import { LIMITS } from '../../../protocol/mod.ts';
import { attachPager, type PagerClient, startPager } from '../../pager/client.ts';
import { pageServerHeaderBytes } from '../../preflight/versions.ts';
import type { CgroupPaths } from '../../runtime/runtime.ts';
import { readFirstPages } from '../../transfer/pages/mod.ts';
import type { Agent } from '../agent.ts';
import { type Holder, holdsNoCopy } from '../frozen-copy.ts';
import { type JobDir, roundLink } from '../job-dir.ts';
import { receivePages } from './page-stream.ts';
import type { PagesPeer } from './words.ts';

/** Between two questions to a source whose data port is strange. */
const ASK_MS = 1_000;

/**
 * How the memory of a container gets into its tasks: all of it before they run; or afterwards, from the source, or from
 * what is on this node by then.
 */
export type Filling = 'before' | 'from-source' | 'from-here';

/** How the memory of an arriving container gets here. */
export interface Memory {
  /** Before the restore, with the final images: resolves when the restore may begin. Rejects: TRANSFER_FAILED, RESTORE_FAILED. */
  start(images: string): Promise<void>;
  /** Before the tasks run: they are frozen before they could run on missing pages. */
  guard(cgroup: CgroupPaths): void;
  /** The source is not needed any more. Rejects when the pages never will be here. */
  readonly received: Promise<void>;
  /** Every page is where it belongs. Rejects when they never will be. */
  readonly filled: Promise<void>;
  close(): Promise<void>;
}

export interface MemoryRequest {
  readonly filling: Filling;
  readonly move: Holder;
  /** The container's UUID. */
  readonly uuid: string;
  readonly dir: JobDir;
  /** Directories of the rounds that came before, oldest first. */
  readonly rounds: readonly string[];
  /** Where the source hands out pages that follow. */
  readonly pages: PagesPeer;
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
}

/** Gets ready for the final dump before the source freezes. @throws GodwitError RESTORE_FAILED */
export async function receiveMemory(agent: Agent, request: MemoryRequest): Promise<Memory> {
  const memory = await memoryFor(agent, request);
  return {
    ...memory,
    start: async (images) => {
      agent.firstPages.learn(request.uuid, readFirstPages(images));
      await memory.start(images);
    },
  };
}

function memoryFor(agent: Agent, request: MemoryRequest): Promise<Memory> {
  switch (request.filling) {
    case 'before':
      return eagerMemory(agent, request);
    case 'from-source':
      return lazyMemory(agent, request, request.pages);
    case 'from-here':
      return localMemory(agent, request);
  }
}

/**
 * The memory of a container whose pages an earlier agent had begun to fill in: its pager has gone on. `dir`: of the target's
 * side. @throws GodwitError RESTORE_FAILED when the pager is gone
 */
export async function attachMemory(agent: Agent, dir: string, move: Holder): Promise<Memory> {
  return ofPager(agent, await attachPager(dir, agent.clock), move);
}

/** Cold and pre-copy: criu's page-server takes everything before the restore begins. */
async function eagerMemory(agent: Agent, request: MemoryRequest): Promise<Memory> {
  const { dir, rounds, signal, deadlineMs } = request;
  const { job } = request.move;
  const { received, close } = await receivePages(agent, {
    job,
    imageDir: dir.images,
    ...(rounds.length > 0 ? { previous: roundLink(rounds.length, 'final') } : {}),
    logFile: join(dir.own, 'page-server.log'),
    stream: { kind: 'pages', index: 0 },
    signal,
    deadlineMs,
  });
  return { start: () => received, guard: () => {}, received, filled: received, close };
}

/** Pre-copy of much memory: as above, but then a pager without a source fills in what is here. */
async function localMemory(agent: Agent, request: MemoryRequest): Promise<Memory> {
  const dirty = await eagerMemory(agent, request);
  const local = await lazyMemory(agent, request).catch(async (error: unknown) => {
    await dirty.close();
    throw error;
  });
  return {
    ...local,
    start: (images) => dirty.received.then(() => local.start(images)),
    received: dirty.received,
    close: async () => {
      await dirty.close();
      await local.close();
    },
  };
}

/** A pager fills the memory in, on demand and in the background, and outlives this agent. `pages`: where the source hands them out. */
async function lazyMemory(agent: Agent, request: MemoryRequest, pages?: PagesPeer): Promise<Memory> {
  const { move, uuid, dir, rounds } = request;
  const { criu } = await agent.capabilities();
  const config = {
    job: move.job,
    dir: dir.own,
    gate: dir.beside('lazy'),
    rounds: [...rounds],
    wire: pageServerHeaderBytes(criu),
    ...(pages ? { pages } : {}),
    deadlineMs: LIMITS.pagesMs,
  };
  const pager = await startPager(agent.launchPager, config, agent.clock);
  pager.onFirst = (first) => agent.firstPages.learn(uuid, first);
  return ofPager(agent, pager, move);
}

function ofPager(agent: Agent, pager: PagerClient, move: Holder): Memory {
  const { received, filled } = pager;
  let asking = false;
  const ask = async (): Promise<void> => {
    if (asking) return;
    asking = true;
    while (pager.keyless) {
      if (await holdsNoCopy(agent, move).catch(() => false)) return pager.gone();
      await agent.clock.sleep(ASK_MS);
    }
    asking = false;
  };
  pager.onKeyless = () => void ask();
  return {
    start: (images) => pager.begin(images),
    guard: (cgroup) => pager.guard(cgroup),
    received,
    filled,
    close: () => pager.stop(),
  };
}
