import type { Job } from '../../protocol/mod.ts';
import { FIRST_GUESS, learn, type PairModel } from '../preflight/pair-model.ts';

/** What moves to each target have cost so far, as long as this agent runs. */
export class PairModels {
  private last = FIRST_GUESS;
  private readonly models = new Map<string, PairModel>();

  modelOf(target: string): PairModel {
    return this.models.get(target) ?? FIRST_GUESS;
  }

  /** Of the last move to anywhere: for somebody who has not chosen a target yet. */
  typical(): PairModel {
    return this.last;
  }

  /** Takes the figures of a finished move in. @param isLimited whether the operator bounded its bandwidth */
  learn(job: Job, isLimited: boolean): void {
    if (job.downtimeMs === undefined) return;
    const seen = {
      mode: job.mode,
      downtimeMs: job.downtimeMs,
      memoryBytes: job.bytes.memory,
      transferMs: transferMs(job),
      rounds: job.rounds,
      isLimited,
    };
    this.last = learn(this.modelOf(job.target), seen);
    this.models.set(job.target, this.last);
  }
}

/** How long the memory took: the dump in cold, the page phase in post-copy. */
function transferMs(job: Job): number {
  const name = job.mode === 'cold' ? 'dump' : 'pages';
  const phase = job.phases.find((one) => one.name === name && one.node === job.source);
  return phase?.endMs === undefined ? 0 : phase.endMs - phase.startMs;
}
