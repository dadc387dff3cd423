interface Happening {
  readonly atMs: number;
  readonly number: number;
  readonly run: () => void;
}

/** Things that happen, in their order; a heap, for there are millions. */
export class Timeline {
  nowMs = 0;
  private count = 0;
  private readonly heap: Happening[] = [];

  at(atMs: number, run: () => void): void {
    const one = { atMs: Math.max(atMs, this.nowMs), number: this.count++, run };
    let at = this.heap.push(one) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!isBefore(one, this.heap[above]!)) break;
      this.heap[at] = this.heap[above]!;
      at = above;
    }
    this.heap[at] = one;
  }

  /** Until nothing is left to happen, or the time is over. */
  run(untilMs = Number.POSITIVE_INFINITY): void {
    for (let next = this.take(); next && next.atMs <= untilMs; next = this.take()) {
      this.nowMs = next.atMs;
      next.run();
    }
  }

  private take(): Happening | undefined {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop();
    if (!first || !last || first === last) return first;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1]!, heap[below]!)) below += 1;
      if (!isBefore(heap[below]!, last)) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = last;
    return first;
  }
}

function isBefore(a: Happening, b: Happening): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.number < b.number);
}
