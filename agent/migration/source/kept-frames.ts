import { GodwitError } from '../../../protocol/mod.ts';
import type { Reverter } from '../../effects/reverter.ts';
import { type FrameTap, tapFrames } from '../../host/frames.ts';
import type { DataStream, Meter } from '../../transfer/stream.ts';
import type { Agent } from '../agent.ts';
import { deferred } from '../deferred.ts';
import type { Plan } from './words.ts';

/** From the resume to the announcement some 30 ms pass on a quiet machine. */
const ANNOUNCED_MS = 1_000;

export interface KeptFramesRequest {
  readonly plan: Plan;
  readonly open: () => Promise<DataStream>;
  readonly meter: Meter;
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
}

/**
 * Makes ready to keep the TCP frames that come for a container while it stands still (protocol/adr/0016); nothing crosses before the
 * freeze. Undefined where one of both ends does without, or the link does not let it.
 */
export async function keepFrames(
  agent: Agent,
  reverter: Reverter,
  request: KeptFramesRequest,
): Promise<KeptFrames | undefined> {
  const { plan } = request;
  const { keepsFrames } = await agent.capabilities();
  const links = agent.runtime.links(plan.owned.spec);
  if (!keepsFrames || !plan.targetCapabilities.keepsFrames || links.length === 0) return undefined;
  const stream = await request.open().catch((error: unknown) => {
    agent.log.warn({ job: plan.job, err: error }, 'what comes for the container cannot be handed on');
  });
  if (!stream) return undefined;
  const frames = new KeptFrames(agent, request, stream, tapFrames(agent.runner, links, request.deadlineMs));
  reverter.add('the frames that are kept', () => frames.close());
  return frames;
}

/**
 * On the way to the target, until it says that it needs no more of them. Without them a move is as right as with them: whatever goes
 * wrong here is logged, no more.
 */
export class KeptFrames {
  private readonly agent: Agent;
  private readonly request: KeptFramesRequest;
  private readonly stream: DataStream;
  private readonly tap: FrameTap;
  private bytes = 0;
  private closing: Promise<void> | undefined;
  private readonly closed = deferred<void>();

  constructor(agent: Agent, request: KeptFramesRequest, stream: DataStream, tap: FrameTap) {
    this.agent = agent;
    this.request = request;
    this.stream = stream;
    this.tap = tap;
    stream.once('close', () => void this.close()).once('end', () => void this.close());
    stream.resume();
    void this.carry();
  }

  /** The tasks are about to stop. */
  begin(): void {
    this.tap.listen();
  }

  /** Resolves when the target needs no more, or has not said so in time: what comes here until then reaches it. */
  async handedOn(): Promise<void> {
    await Promise.race([this.closed.promise, this.agent.clock.sleep(ANNOUNCED_MS)]);
  }

  /** The container is elsewhere, or goes on here: nothing more is kept. Never rejects; safe to repeat. */
  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private async end(): Promise<void> {
    const { agent, request, stream, bytes } = this;
    const { job } = request.plan;
    this.closed.resolve();
    const problem = await this.tap.close();
    if (!stream.destroyed) stream.end();
    if (problem) agent.log.warn({ job, problem }, 'what came for the container was not kept');
    else agent.log.info({ job, bytes }, 'what came for the container was handed on');
  }

  private async carry(): Promise<void> {
    const { stream, request } = this;
    const { plan, meter, signal } = request;
    try {
      for await (const chunk of this.tap.channel) {
        await meter.pass(chunk.length, signal);
        if (stream.destroyed) throw new GodwitError('MOVE_ABORTED', { problem: 'the stream is gone' });
        stream.write(chunk);
        this.bytes += chunk.length;
      }
    } catch (error) {
      this.agent.log.debug({ job: plan.job, err: error }, 'no more frames are handed on');
    }
  }
}
