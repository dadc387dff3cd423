import type { Logger } from 'pino';
import { type CpuLimit, putCpuLimitBack, throttleCpu } from '../../host/throttle.ts';
import type { CgroupPaths } from '../../runtime/runtime.ts';

/** Slows a container down that dirties its memory faster than it can be moved; the limit before the first step is kept. */
export class CpuBrake {
  private readonly log: Logger;
  private readonly remember: (limit: CpuLimit) => void;
  /** One change at a time: a release that comes during a step undoes that step. */
  private last: Promise<CpuLimit | undefined> = Promise.resolve(undefined);

  /** `remember` is told of the limit before it is changed. */
  constructor(log: Logger, remember: (limit: CpuLimit) => void) {
    this.log = log;
    this.remember = remember;
  }

  /** @param share of the CPU time it had before the first step. @throws GodwitError HOST_FAILED */
  async set(cgroup: CgroupPaths, share: number): Promise<void> {
    const step = this.undone().then(() => throttleCpu(cgroup, share, this.remember));
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
    const old = await this.last;
    if (old === undefined) return;
    await putCpuLimitBack(old).catch((error: unknown) => {
      this.log.error({ err: error }, 'the CPU limit of a throttled container could not be put back');
    });
  }
}
