import { join } from 'node:path';
import { GodwitError, LIMITS, type Mode } from '../../../protocol/mod.ts';
import type { CriuProcess } from '../../criu/criu.ts';
import { makeGate } from '../../criu/mod.ts';
import { createMeter, relayConnect, relayListen } from '../../transfer/mod.ts';
import type { Agent } from '../agent.ts';
import { freePort } from '../free-port.ts';
import type { JobDir } from '../job-dir.ts';

/** How long a broken stream waits for the word of the criu behind it. */
const CAUSE_MS = 500;

/** How the memory of an arriving container gets here. */
export interface Memory {
  /** Before the restore: resolves when the restore may begin. Rejects: TRANSFER_FAILED, RESTORE_FAILED. */
  start(): Promise<void>;
  /** Every page is here. Rejects when they never will be. */
  readonly filled: Promise<void>;
  close(): Promise<void>;
}

export interface MemoryRequest {
  readonly mode: Mode;
  readonly job: string;
  readonly dir: JobDir;
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
  /**
   * The page stream broke before it was done. Until the returned promise ends, criu's daemon notices nothing and tasks
   * that touch a missing page just wait.
   */
  readonly broken: (error: unknown) => Promise<void>;
}

/** Gets ready for the memory before the source freezes. @throws GodwitError RESTORE_FAILED */
export function receiveMemory(agent: Agent, request: MemoryRequest): Promise<Memory> {
  return request.mode === 'cold' ? coldMemory(agent, request) : lazyMemory(agent, request);
}

/** Cold: criu's page-server takes everything before the restore begins. */
async function coldMemory(agent: Agent, request: MemoryRequest): Promise<Memory> {
  const { dir, job, signal, deadlineMs } = request;
  const port = await freePort();
  const logFile = join(dir.own, 'page-server.log');
  const server = agent.criu.pageServer({ imageDir: dir.images, logFile, port, deadlineMs });
  await server.ready;
  const ended = endsWell(agent, server, logFile, 'page-server');
  ended.catch(() => {});
  const received = agent.data.accept({ job, kind: 'pages', index: 0 }, signal).then(async (stream) => {
    const relay = relayConnect({ port, stream, meter: plainMeter(agent), signal, clock: agent.clock });
    await relay.done.catch(async (error: unknown) => {
      // A page-server that died took the stream with it, and knows why.
      await Promise.race([ended, agent.clock.sleep(CAUSE_MS)]);
      throw error;
    });
    await ended;
  });
  received.catch(() => {});
  return { start: () => received, filled: received, close: () => stopped(server) };
}

/**
 * Post-copy: criu's lazy-pages daemon fetches pages from the source, through us, on demand and in the background. It is
 * started before the source freezes and waits at a gate for its images.
 */
async function lazyMemory(agent: Agent, request: MemoryRequest): Promise<Memory> {
  const { dir, job, signal, broken } = request;
  const { clock, runner } = agent;
  const logFile = join(dir.own, 'lazy-pages.log');
  const relay = await relayListen({
    open: () => agent.data.accept({ job, kind: 'lazy', index: 0 }, signal),
    meter: plainMeter(agent),
    signal,
    clock,
    beforeClose: broken,
  });
  const gate = await makeGate({ runner, clock, dir: dir.beside('lazy') });
  const paths = { imageDir: gate.dir, workDir: dir.own, logFile };
  const daemon = agent.criu.lazyPages({
    ...paths,
    address: '127.0.0.1',
    port: relay.port,
    deadlineMs: LIMITS.pagesMs,
  });
  const filled = endsWell(agent, daemon, logFile, 'lazy-pages');
  filled.catch(() => {});
  await Promise.race([gate.reached(signal), filled]);
  return {
    start: async () => {
      await gate.open(dir.images, signal);
      await daemon.ready;
    },
    filled,
    close: async () => {
      await stopped(daemon);
      await gate.close();
    },
  };
}

async function endsWell(agent: Agent, criu: CriuProcess, logFile: string, tool: string): Promise<void> {
  const { exitCode } = await criu.ended;
  if (exitCode === 0) return;
  const { lines, cure } = await agent.criu.explain(logFile);
  const problem = `criu ${tool} ended with ${exitCode}: ${lines[0] ?? 'without a word'}`;
  throw new GodwitError('RESTORE_FAILED', { target: agent.config.node, problem, cure, lines });
}

async function stopped(criu: CriuProcess): Promise<void> {
  criu.kill('SIGKILL');
  await criu.ended;
}

/** The source's end of each stream carries the job's limit; here only the relay's own bookkeeping is needed. */
function plainMeter(agent: Agent) {
  return createMeter({ clock: agent.clock });
}
