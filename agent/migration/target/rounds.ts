import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LIMITS } from '../../../protocol/mod.ts';
import { sendImages } from '../../transfer/mod.ts';
import type { Agent } from '../agent.ts';
import { type JobDir, roundDir, roundLink } from '../job-dir.ts';
import { type PageStream, plainMeter, receivePages } from './page-stream.ts';

export interface RoundsRequest {
  readonly job: string;
  readonly dir: JobDir;
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
  /** A round broke. */
  readonly failed: (error: unknown) => void;
}

/**
 * The rounds of a pre-copy as they arrive: one page-server each, the next one ready before the last is acknowledged. The
 * acknowledgement is the round's pagemap files: a final dump at the source that sends pages later needs them there.
 */
export class ArrivingRounds {
  private readonly agent: Agent;
  private readonly request: RoundsRequest;
  private readonly over = new AbortController();
  private readonly signal: AbortSignal;
  private readonly served: Promise<void>;
  private complete = 0;
  private next: PageStream;

  /** Gets ready for the first round. @throws GodwitError RESTORE_FAILED */
  static async begin(agent: Agent, request: RoundsRequest): Promise<ArrivingRounds> {
    const over = new AbortController();
    const signal = AbortSignal.any([request.signal, over.signal]);
    return new ArrivingRounds(agent, request, over, await startRound(agent, request, signal, 1));
  }

  private constructor(agent: Agent, request: RoundsRequest, over: AbortController, first: PageStream) {
    this.agent = agent;
    this.request = request;
    this.over = over;
    this.signal = AbortSignal.any([request.signal, over.signal]);
    this.next = first;
    this.served = this.serve().catch((error: unknown) => {
      if (!over.signal.aborted) request.failed(error);
    });
  }

  /** No more rounds come; returns the directories of the whole ones, oldest first. */
  async end(): Promise<string[]> {
    this.over.abort(new Error('the rounds are over'));
    await this.served;
    await this.next.close();
    await rm(roundDir(this.request.dir, this.complete + 1), { recursive: true, force: true });
    return Array.from({ length: this.complete }, (_, index) => roundDir(this.request.dir, index + 1));
  }

  private async serve(): Promise<void> {
    const { agent, request, signal } = this;
    for (let index = 1; index <= LIMITS.roundsMax; index++) {
      await this.next.received;
      this.complete = index;
      await agent.faults.at('target.round', request.job);
      if (index < LIMITS.roundsMax) this.next = await startRound(agent, request, signal, index + 1);
      const stream = await agent.data.accept({ job: request.job, kind: 'pagemaps', index }, signal);
      const dir = roundDir(request.dir, index);
      await sendImages({ stream, dir, files: await pagemapsOf(dir), meter: plainMeter(agent), signal });
    }
  }
}

async function startRound(
  agent: Agent,
  request: RoundsRequest,
  signal: AbortSignal,
  index: number,
): Promise<PageStream> {
  const { job, dir, deadlineMs } = request;
  const imageDir = roundDir(dir, index);
  await mkdir(imageDir, { recursive: true, mode: 0o700 });
  return receivePages(agent, {
    job,
    imageDir,
    ...(index > 1 ? { previous: roundLink(index - 1, 'round') } : {}),
    logFile: join(dir.own, `page-server-${index}.log`),
    stream: { kind: 'round', index },
    signal,
    deadlineMs,
  });
}

async function pagemapsOf(dir: string): Promise<string[]> {
  return (await readdir(dir)).filter((name) => name.startsWith('pagemap-'));
}
