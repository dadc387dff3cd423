interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly action: () => void;
  cancelled: boolean;
}

/** Simulated time: a heap of what is to happen. */
export class World {
  nowMs = 0;
  private order = 0;
  private readonly heap: Timer[] = [];

  /** Calls `action` once after `ms`; the returned function cancels it. */
  after(ms: number, action: () => void): () => void {
    const timer = { atMs: this.nowMs + ms, order: this.order++, action, cancelled: false };
    this.heap.push(timer);
    this.up(this.heap.length - 1);
    return () => {
      timer.cancelled = true;
    };
  }

  /** Lets everything happen until `untilMs`; true when nothing is left to happen. `each` runs after every step. */
  run(untilMs: number, each: () => void): boolean {
    for (let timer = this.pop(); timer !== undefined; timer = this.pop()) {
      if (timer.cancelled) continue;
      if (timer.atMs > untilMs) return false;
      this.nowMs = timer.atMs;
      timer.action();
      each();
    }
    return true;
  }

  private pop(): Timer | undefined {
    const [first] = this.heap;
    const last = this.heap.pop();
    if (first === undefined || last === undefined || first === last) return first;
    this.heap[0] = last;
    this.down();
    return first;
  }

  private up(from: number): void {
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.before(at, parent)) return;
      this.swap(at, parent);
      at = parent;
    }
  }

  private down(): void {
    for (let at = 0; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2];
      let least = at;
      if (left < this.heap.length && this.before(left, least)) least = left;
      if (right < this.heap.length && this.before(right, least)) least = right;
      if (least === at) return;
      this.swap(at, least);
      at = least;
    }
  }

  private before(one: number, other: number): boolean {
    const [a, b] = [this.heap[one] as Timer, this.heap[other] as Timer];
    return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
  }

  private swap(one: number, other: number): void {
    const kept = this.heap[one] as Timer;
    this.heap[one] = this.heap[other] as Timer;
    this.heap[other] = kept;
  }
}
