import { GodwitError } from '../../../protocol/mod.ts';
import type { CriuProcess } from '../../criu/criu.ts';
import { createMeter, relayConnect } from '../../transfer/mod.ts';
import type { StreamKind } from '../../transfer/stream.ts';
import type { Agent } from '../agent.ts';
import { freePort } from '../free-port.ts';

/** How long a broken stream waits for the word of the criu behind it. */
const CAUSE_MS = 1_500;

export interface PageStreamRequest {
  readonly job: string;
  readonly imageDir: string;
  /** Relative path of the round before. */
  readonly previous?: string;
  readonly logFile: string;
  /** The stream that brings the pages. */
  readonly stream: { readonly kind: StreamKind; readonly index: number };
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
}

/** Pages of one dump on their way into an image directory. */
export interface PageStream {
  /** All are there. Rejects: TRANSFER_FAILED, RESTORE_FAILED with criu's own words. */
  readonly received: Promise<void>;
  close(): Promise<void>;
}

/** Starts criu's page-server for one dump; resolves when it listens. One serves one connection. @throws GodwitError RESTORE_FAILED */
export async function receivePages(agent: Agent, request: PageStreamRequest): Promise<PageStream> {
  const { imageDir, previous, logFile, signal, deadlineMs } = request;
  const port = await freePort();
  const server = agent.criu.pageServer({
    imageDir,
    logFile,
    port,
    deadlineMs,
    ...(previous === undefined ? {} : { previous }),
  });
  await server.ready;
  const ended = endsWell(agent, server, logFile, 'page-server');
  ended.catch(() => {});
  const { job, stream: id } = request;
  const received = agent.data.accept({ job, ...id }, signal).then(async (stream) => {
    const relay = relayConnect({ port, stream, meter: plainMeter(agent), signal });
    await relay.done.catch(async (error: unknown) => {
      // A page-server that died took the stream with it, and knows why.
      await Promise.race([ended, agent.clock.sleep(CAUSE_MS)]);
      throw error;
    });
    await ended;
  });
  received.catch(() => {});
  return { received, close: () => stopped(server) };
}

/** Resolves when criu has ended with 0. @throws GodwitError RESTORE_FAILED with the first errors of its log */
export async function endsWell(
  agent: Agent,
  criu: CriuProcess,
  logFile: string,
  tool: string,
): Promise<void> {
  const { exitCode } = await criu.ended;
  if (exitCode === 0) return;
  const { lines, cure } = await agent.criu.explain(logFile);
  const problem = `criu ${tool} ended with ${exitCode}: ${lines[0] ?? 'without a word'}`;
  throw new GodwitError('RESTORE_FAILED', { target: agent.config.node, problem, cure, lines });
}

/** Ends a criu that is not needed any more. */
export async function stopped(criu: CriuProcess): Promise<void> {
  criu.kill('SIGKILL');
  await criu.ended;
}

/** The source's end of each stream carries the job's limit; here only the relay's own bookkeeping is needed. */
export function plainMeter(agent: Agent) {
  return createMeter({ clock: agent.clock });
}
