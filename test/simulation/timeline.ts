interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly action: () => void;
}

/** Simulated time: what is to happen, in the order of its time. Nothing happens but through it. */
export class Timeline {
  nowMs = 0;
  private readonly heap: Entry[] = [];
  private order = 0;

  at(delayMs: number, action: () => void): void {
    this.push({ atMs: this.nowMs + Math.max(0, delayMs), order: this.order++, action });
  }

  /** Moves on to the next thing and does it; false when nothing is left before `untilMs`. */
  step(untilMs: number): boolean {
    const next = this.heap[0];
    if (next === undefined || next.atMs > untilMs) return false;
    this.pop();
    this.nowMs = next.atMs;
    next.action();
    return true;
  }

  private push(entry: Entry): void {
    const { heap } = this;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Entry;
      if (!before(entry, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = entry;
  }

  private pop(): void {
    const { heap } = this;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1] as Entry, heap[child] as Entry)) child += 1;
      if (!before(heap[child] as Entry, last)) break;
      heap[at] = heap[child] as Entry;
      at = child;
    }
    heap[at] = last;
  }
}

function before(one: Entry, other: Entry): boolean {
  return one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
}
