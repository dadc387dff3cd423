import { LIMITS } from '../../../protocol/limits.ts';
import type { DomainSpec } from '../../../protocol/mod.ts';
import type { Reverter } from '../../effects/reverter.ts';
import { type FrameChannel, replayFrames } from '../../host/frames.ts';
import type { DataStream } from '../../transfer/stream.ts';
import type { Agent } from '../agent.ts';

export interface ArrivingFramesRequest {
  readonly job: string;
  readonly spec: DomainSpec;
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
}

/**
 * Makes ready to take what the source keeps (protocol/adr/0016). Undefined where this node does without; a source that keeps nothing never
 * opens the stream.
 */
export async function takeFrames(
  agent: Agent,
  reverter: Reverter,
  request: ArrivingFramesRequest,
): Promise<ArrivingFrames | undefined> {
  const links = agent.runtime.links(request.spec);
  if (links.length === 0 || !(await agent.capabilities()).keepsFrames) return undefined;
  const frames = new ArrivingFrames(agent, request, replayFrames(agent.runner, links, request.deadlineMs));
  reverter.add('the frames from the source', () => frames.close());
  return frames;
}

/** Held until the tasks run, then sent into their interfaces. What goes wrong is logged, no more: their sender sends them again. */
export class ArrivingFrames {
  private readonly agent: Agent;
  private readonly request: ArrivingFramesRequest;
  private readonly replay: FrameChannel;
  private stream: DataStream | undefined;
  private held: Buffer[] | undefined = [];
  private bytes = 0;

  constructor(agent: Agent, request: ArrivingFramesRequest, replay: FrameChannel) {
    this.agent = agent;
    this.request = request;
    this.replay = replay;
    void this.take();
  }

  /** The tasks run: they get what is held, and at once what is still to come. */
  release(): void {
    const { held = [], replay } = this;
    this.held = undefined;
    for (const chunk of held) replay.channel.write(chunk);
  }

  /** The network knows the new place: the source need not listen any more. */
  announced(): void {
    this.stream?.end();
  }

  /** Never rejects; safe to repeat. */
  async close(): Promise<void> {
    const { agent, request, bytes } = this;
    const { job } = request;
    const problem = await this.replay.close();
    if (problem) agent.log.warn({ job, problem }, 'what had come for the container did not reach it');
    else agent.log.info({ job, bytes }, 'what had come for the container was given to it');
  }

  private async take(): Promise<void> {
    const { agent, request, replay } = this;
    const { job, signal } = request;
    try {
      this.stream = await agent.data.accept({ job, kind: 'frames', index: 0 }, signal);
      for await (const chunk of this.stream) {
        this.bytes += chunk.length;
        // A source that keeps to the limits never comes to this; breaking off ends the stream.
        if (this.bytes > LIMITS.keptFrameBytes) break;
        if (this.held) this.held.push(chunk);
        else replay.channel.write(chunk);
      }
    } catch (error) {
      agent.log.debug({ job, err: error }, 'no more frames come from the source');
    }
    if (!this.held) replay.channel.end();
  }
}
