import type { Logger } from 'pino';
import { throttleCpu } from '../../host/throttle.ts';
import type { CgroupPaths } from '../../runtime/runtime.ts';

type Undo = () => Promise<void>;

/** Slows a container down that dirties its memory faster than it can be moved; the undo of the last step is kept. */
export class CpuBrake {
  private readonly log: Logger;
  /** One change at a time: a release that comes during a step undoes that step. */
  private last: Promise<Undo | undefined> = Promise.resolve(undefined);

  constructor(log: Logger) {
    this.log = log;
  }

  /** @param share of the CPU time it had before the first step. @throws GodwitError HOST_FAILED */
  async set(cgroup: CgroupPaths, share: number): Promise<void> {
    const step = this.undone().then(() => throttleCpu(cgroup, share));
    this.last = step.catch(() => undefined);
    await step;
  }

  /** Puts the old limit back; safe to repeat. */
  async release(): Promise<void> {
    const undone = this.undone();
    this.last = undone.then(() => undefined);
    await undone;
  }

  private async undone(): Promise<void> {
    const undo = await this.last;
    await undo?.().catch((error: unknown) => {
      this.log.error({ err: error }, 'the CPU limit of a throttled container could not be put back');
    });
  }
}
