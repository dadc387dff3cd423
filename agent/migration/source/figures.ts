import type { Job, JobPhase } from '../../../protocol/mod.ts';

/** The moments of one move that its figures are made of; all on the source's clock. */
export class Figures {
  private readonly clockOffsetMs: number;
  private stoppingAtMs: number | undefined;
  private frozenAtMs: number | undefined;
  private committedAtMs: number | undefined;
  private resumedAtMs: number | undefined;
  private filledAtMs: number | undefined;

  /** @param clockOffsetMs added to a time of the target's clock gives the source's */
  constructor(clockOffsetMs: number) {
    this.clockOffsetMs = clockOffsetMs;
  }

  stopping(atMs: number): void {
    this.stoppingAtMs = atMs;
  }

  frozen(atMs: number): void {
    this.frozenAtMs = atMs;
    this.stoppingAtMs ??= atMs;
  }

  committed(atMs: number): void {
    this.committedAtMs ??= atMs;
  }

  /** @param atMs on the target's clock */
  resumed(atMs: number): void {
    this.resumedAtMs ??= atMs + this.clockOffsetMs;
  }

  /** @param atMs on the target's clock */
  filled(atMs: number): void {
    this.filledAtMs ??= atMs + this.clockOffsetMs;
  }

  onMyClock(phases: readonly JobPhase[]): JobPhase[] {
    const shift = (ms: number) => ms + this.clockOffsetMs;
    return phases.map((phase) => ({
      ...phase,
      startMs: shift(phase.startMs),
      ...(phase.endMs === undefined ? {} : { endMs: shift(phase.endMs) }),
    }));
  }

  /** `freezeMs`: from the first stopped task to complete images; `exposureMs`: from the commit to the last page. */
  summary(
    pagesFollow: boolean,
  ): Pick<Job, 'stoppedAtMs' | 'resumedAtMs' | 'freezeMs' | 'downtimeMs' | 'exposureMs'> {
    const freezeMs = span(this.stoppingAtMs, this.frozenAtMs);
    const downtimeMs = span(this.stoppingAtMs, this.resumedAtMs);
    const exposureMs = pagesFollow ? span(this.committedAtMs, this.filledAtMs) : 0;
    return {
      ...(this.stoppingAtMs === undefined ? {} : { stoppedAtMs: this.stoppingAtMs }),
      ...(this.resumedAtMs === undefined ? {} : { resumedAtMs: this.resumedAtMs }),
      ...(freezeMs === undefined ? {} : { freezeMs }),
      ...(downtimeMs === undefined ? {} : { downtimeMs }),
      ...(exposureMs === undefined ? {} : { exposureMs }),
    };
  }
}

function span(from: number | undefined, to: number | undefined): number | undefined {
  return from === undefined || to === undefined ? undefined : Math.max(0, to - from);
}
