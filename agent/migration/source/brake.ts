import type { Logger } from 'pino';
import { throttleCpu } from '../../host/throttle.ts';
import type { CgroupPaths } from '../../runtime/runtime.ts';

/** Slows a container down that dirties its memory faster than it can be moved; the undo of the last step is kept. */
export class CpuBrake {
  private readonly log: Logger;
  private undo: (() => Promise<void>) | undefined;

  constructor(log: Logger) {
    this.log = log;
  }

  /** @param share of the CPU time it had before the first step. @throws GodwitError HOST_FAILED */
  async set(cgroup: CgroupPaths, share: number): Promise<void> {
    await this.release();
    this.undo = await throttleCpu(cgroup, share);
  }

  /** Puts the old limit back; safe to repeat. */
  async release(): Promise<void> {
    const undo = this.undo;
    this.undo = undefined;
    await undo?.().catch((error: unknown) => {
      this.log.error({ err: error }, 'the CPU limit of a throttled container could not be put back');
    });
  }
}
