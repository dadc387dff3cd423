import type { Job } from '../../protocol/job.ts';

type Known = Pick<Job, 'kind' | 'job' | 'container' | 'node' | 'source' | 'target'> &
  Partial<Pick<Job, 'mode' | 'modeReason'>>;

/** A job as far as it is known at the moment it was accepted. */
export function acceptedJob(known: Known): Job {
  return {
    type: 'io.godwit.v1.job',
    mode: 'cold',
    modeReason: '',
    ...known,
    state: 'running',
    startedAtMs: Date.now(),
    progress: { phase: 'accepted', bytes: 0, rateBytesPerSecond: 0 },
    phases: [],
    rounds: [],
    rootfsPasses: [],
    bytes: { memory: 0, images: 0, rootfs: 0 },
    log: [],
  };
}
