import type { Ending, Job, JobPhase } from '../../../protocol/mod.ts';
import { criuLines } from '../criu-lines.ts';
import type { MovingCopy } from './words.ts';

/** When things happened in one move, on the source's clock; each once. */
export interface Moments {
  readonly stoppingAtMs?: number;
  readonly frozenAtMs?: number;
  readonly committedAtMs?: number;
  readonly resumedAtMs?: number;
  readonly filledAtMs?: number;
}

/** The figures of one move, made of its moments. */
export class Figures {
  private readonly clockOffsetMs: number;
  private readonly note: (moments: Moments) => void;
  private moments: Moments;

  /** @param clockOffsetMs added to a time of the target's clock gives the source's. @param note is told of every change */
  constructor(clockOffsetMs: number, note: (moments: Moments) => void, moments: Moments = {}) {
    this.clockOffsetMs = clockOffsetMs;
    this.note = note;
    this.moments = moments;
  }

  stopping(atMs: number): void {
    this.happened({ stoppingAtMs: atMs });
  }

  frozen(atMs: number): void {
    this.happened({ stoppingAtMs: atMs, frozenAtMs: atMs });
  }

  committed(atMs: number): void {
    this.happened({ committedAtMs: atMs });
  }

  /** @param atMs on the target's clock */
  resumed(atMs: number): void {
    this.happened({ resumedAtMs: atMs + this.clockOffsetMs });
  }

  /** @param atMs on the target's clock */
  filled(atMs: number): void {
    this.happened({ filledAtMs: atMs + this.clockOffsetMs });
  }

  onMyClock(phases: readonly JobPhase[]): JobPhase[] {
    const shift = (ms: number) => ms + this.clockOffsetMs;
    return phases.map((phase) => ({
      ...phase,
      startMs: shift(phase.startMs),
      ...(phase.endMs === undefined ? {} : { endMs: shift(phase.endMs) }),
    }));
  }

  /** What a job's end says beside its error. @param meters unless another agent has counted before */
  outcome({ outcome, error }: Ending, pagesFollow: boolean, meters?: MovingCopy['meters']): Partial<Job> {
    return {
      ...(meters ? { bytes: bytesOf(meters) } : {}),
      ...(error ? { log: criuLines(error) } : {}),
      ...(outcome === 'done' ? this.summary(pagesFollow) : {}),
    };
  }

  /** `freezeMs`: from the first stopped task to complete images; `exposureMs`: from the commit to the last page. */
  private summary(
    pagesFollow: boolean,
  ): Pick<Job, 'stoppedAtMs' | 'resumedAtMs' | 'freezeMs' | 'downtimeMs' | 'exposureMs'> {
    const { stoppingAtMs, frozenAtMs, committedAtMs, resumedAtMs, filledAtMs } = this.moments;
    const freezeMs = span(stoppingAtMs, frozenAtMs);
    const downtimeMs = span(stoppingAtMs, resumedAtMs);
    const exposureMs = pagesFollow ? span(committedAtMs, filledAtMs) : 0;
    return {
      ...(stoppingAtMs === undefined ? {} : { stoppedAtMs: stoppingAtMs }),
      ...(resumedAtMs === undefined ? {} : { resumedAtMs }),
      ...(freezeMs === undefined ? {} : { freezeMs }),
      ...(downtimeMs === undefined ? {} : { downtimeMs }),
      ...(exposureMs === undefined ? {} : { exposureMs }),
    };
  }

  private happened(moments: Moments): void {
    this.moments = { ...moments, ...this.moments };
    this.note(this.moments);
  }
}

function bytesOf({ memory, images, rootfs }: MovingCopy['meters']): Job['bytes'] {
  return { memory: memory.bytes, images: images.bytes, rootfs: rootfs.bytes };
}

function span(from: number | undefined, to: number | undefined): number | undefined {
  return from === undefined || to === undefined ? undefined : Math.max(0, to - from);
}
