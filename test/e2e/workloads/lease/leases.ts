/** A lease as the service knows it. */
export interface Lease {
  readonly holder: string;
  readonly count: number;
  /** When it was renewed last. */
  readonly atMs: number;
}

/** Something that can only be if a container ran twice or was set back. */
export interface Violation {
  readonly lease: string;
  readonly atMs: number;
  readonly problem: string;
}

/** A time in which a lease was not renewed. */
export interface Gap {
  readonly lease: string;
  readonly startMs: number;
  readonly endMs: number;
}

export interface Renewal {
  readonly violation?: Violation;
  readonly gap?: Gap;
}

/**
 * A lock service as it would stand outside of all nodes: it knows nothing of moves. Who holds a lease counts up with each
 * renewal; a count that came already, or a smaller one, means that two copies renew or that one was set back, and another
 * holder that the program was started anew.
 */
export class Leases {
  private readonly leases = new Map<string, Lease>();
  private readonly noteGapMs: number;

  constructor(noteGapMs: number) {
    this.noteGapMs = noteGapMs;
  }

  get(lease: string): Lease | undefined {
    return this.leases.get(lease);
  }

  renew(lease: string, holder: string, count: number, atMs: number): Renewal {
    const last = this.leases.get(lease);
    const problem = last && problemOf(last, holder, count);
    // The larger count stays the mark, so that each renewal of a second copy is one more violation.
    if (!last || holder !== last.holder || count > last.count)
      this.leases.set(lease, { holder, count, atMs });
    if (problem !== undefined) return { violation: { lease, atMs, problem } };
    if (last && atMs - last.atMs >= this.noteGapMs)
      return { gap: { lease, startMs: last.atMs, endMs: atMs } };
    return {};
  }

  /** The container is gone on purpose; whoever comes next is somebody new. */
  forget(lease: string): void {
    this.leases.delete(lease);
  }
}

function problemOf(last: Lease, holder: string, count: number): string | undefined {
  if (holder !== last.holder)
    return `held by ${last.holder} at ${last.count}, renewed by ${holder} at ${count}`;
  if (count === last.count) return `count ${count} came twice`;
  if (count < last.count) return `count ${count} after ${last.count}`;
  return undefined;
}
