import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { GodwitError, LIMITS, type Round } from '../../../protocol/mod.ts';
import type { CriuProcess } from '../../criu/criu.ts';
import { forgetTracked } from '../../host/tracked-memory.ts';
import type { DumpPlan } from '../../runtime/runtime.ts';
import { receiveImages, relayListen } from '../../transfer/mod.ts';
import type { DataStream, Meter, StreamKind } from '../../transfer/stream.ts';
import type { Agent } from '../agent.ts';
import { type JobDir, roundDir, roundLink } from '../job-dir.ts';

/** How long a pre-dump whose stream was cut may take to let its tasks go. */
const END_MS = 10_000;

export interface RoundsRequest {
  readonly plan: DumpPlan;
  readonly dir: JobDir;
  readonly open: (kind: StreamKind, index: number) => Promise<DataStream>;
  readonly meter: Meter;
  /** Aborting it breaks the round's streams, upon which criu lets the tasks go and ends. */
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
}

/** The pre-dumps of one move, at the source. */
export class Rounds {
  private readonly agent: Agent;
  private readonly request: RoundsRequest;
  private running: CriuProcess | undefined;

  constructor(agent: Agent, request: RoundsRequest) {
    this.agent = agent;
    this.request = request;
  }

  /**
   * One pre-dump; resolves when the target has all of it and its pagemaps are here.
   * @throws GodwitError DUMP_FAILED, TRANSFER_FAILED, HOST_FAILED; the signal's reason
   */
  async run(index: number): Promise<Round> {
    const { agent, request } = this;
    const { dir, open, meter, signal } = request;
    signal.throwIfAborted();
    const imageDir = roundDir(dir, index);
    await mkdir(imageDir, { recursive: true, mode: 0o700 });
    const [pages, pagemaps] = await Promise.all([open('round', index), open('pagemaps', index)]);
    const startedAtMs = agent.clock.monotonicMs();
    const relay = await relayListen({ open: async () => pages, meter, signal });
    await this.preDump(index, imageDir, relay.port);
    await relay.done;
    await receiveImages({ stream: pagemaps, dir: imageDir, signal, maxBytes: LIMITS.pagemapBytes });
    const durationMs = agent.clock.monotonicMs() - startedAtMs;
    return { index, durationMs, ...(await agent.criu.dumpStats(imageDir)) };
  }

  /** Resolves when no pre-dump works on the container any more; the signal has been aborted before. */
  async ended(): Promise<void> {
    const criu = this.running;
    if (!criu) return;
    const cancel = this.agent.clock.after(END_MS, () => criu.kill('SIGKILL'));
    await criu.ended;
    cancel();
  }

  private async preDump(index: number, imageDir: string, port: number): Promise<void> {
    const { agent, request } = this;
    const logFile = join(request.dir.own, `pre-dump-${index}.log`);
    await forgetTracked(agent.config.runDir, request.plan.initPid);
    this.running = agent.criu.preDump({
      plan: request.plan,
      address: '127.0.0.1',
      port,
      imageDir,
      logFile,
      ...(index > 1 ? { previous: roundLink(index - 1, 'round') } : {}),
      deadlineMs: request.deadlineMs,
    });
    try {
      await this.running.ready;
    } catch (error) {
      request.signal.throwIfAborted();
      throw error instanceof GodwitError ? error : new GodwitError('DUMP_FAILED', { problem: String(error) });
    } finally {
      this.running = undefined;
    }
  }
}
