import { join } from 'node:path';
import { LIMITS, type Mode, pagesFollowIn } from '../../../protocol/mod.ts';
import { makeGate } from '../../criu/mod.ts';
import type { Agent } from '../agent.ts';
import { type JobDir, roundLink } from '../job-dir.ts';
import { openPageSource } from './page-source.ts';
import { endsWell, receivePages, stopped } from './page-stream.ts';
import type { PagesPeer } from './words.ts';

/** How the memory of an arriving container gets here. */
export interface Memory {
  /** Before the restore: resolves when the restore may begin. Rejects: TRANSFER_FAILED, RESTORE_FAILED. */
  start(): Promise<void>;
  /** Every page is on this node: the source is not needed any more. Rejects when they never will be. */
  readonly received: Promise<void>;
  /** Every page is where it belongs. Rejects when they never will be. */
  readonly filled: Promise<void>;
  close(): Promise<void>;
}

export interface MemoryRequest {
  readonly mode: Mode;
  readonly job: string;
  readonly dir: JobDir;
  /** Directories of the rounds that came before, oldest first. */
  readonly rounds: readonly string[];
  /** Where the source hands out pages that follow. */
  readonly pages: PagesPeer;
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
  /**
   * The page stream broke before it was done. Until the returned promise ends, criu's daemon notices nothing and tasks
   * that touch a missing page just wait.
   */
  readonly broken: (error: unknown) => Promise<void>;
}

/** Gets ready for the final dump before the source freezes. @throws GodwitError RESTORE_FAILED */
export function receiveMemory(agent: Agent, request: MemoryRequest): Promise<Memory> {
  return pagesFollowIn(request.mode) ? lazyMemory(agent, request) : eagerMemory(agent, request);
}

/** Cold and pre-copy: criu's page-server takes everything before the restore begins. */
async function eagerMemory(agent: Agent, request: MemoryRequest): Promise<Memory> {
  const { dir, job, rounds, signal, deadlineMs } = request;
  const { received, close } = await receivePages(agent, {
    job,
    imageDir: dir.images,
    ...(rounds.length > 0 ? { previous: roundLink(rounds.length, 'final') } : {}),
    logFile: join(dir.own, 'page-server.log'),
    stream: { kind: 'pages', index: 0 },
    signal,
    deadlineMs,
  });
  return { start: () => received, received, filled: received, close };
}

/**
 * Post-copy and hybrid: criu's lazy-pages daemon takes pages from a local port, on demand and in the background. It is
 * started before the source freezes and waits at a gate for its images.
 */
async function lazyMemory(agent: Agent, request: MemoryRequest): Promise<Memory> {
  const { dir, signal } = request;
  const { clock, runner } = agent;
  const logFile = join(dir.own, 'lazy-pages.log');
  const source = await openPageSource(agent, request);
  const gate = await makeGate({ runner, clock, dir: dir.beside('lazy') });
  const daemon = agent.criu.lazyPages({
    imageDir: gate.dir,
    workDir: dir.own,
    logFile,
    address: '127.0.0.1',
    port: source.port,
    deadlineMs: LIMITS.pagesMs,
  });
  const filled = endsWell(agent, daemon, logFile, 'lazy-pages');
  filled.catch(() => {});
  // Without rounds pages are forgotten once they are handed out: a child that was forked may need them again.
  const received = request.rounds.length > 0 ? Promise.race([filled, source.received]) : filled;
  received.catch(() => {});
  await Promise.race([gate.reached(signal), filled]);
  return {
    start: async () => {
      await source.begin(dir.images);
      await gate.open(dir.images, signal);
      await daemon.ready;
    },
    received,
    filled,
    close: async () => {
      // First, or it takes the daemon's end for a failure.
      await source.close();
      await stopped(daemon);
      await gate.close();
    },
  };
}
