const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;
/** Whoever has run so long since its last start begins with the first pause again. */
const FORGET_MS = 120_000;

/** Growing pauses between the starts of each container, so that one that ends at once costs little. */
export class Pauses {
  private readonly known = new Map<string, { readonly atMs: number; readonly pauseMs: number }>();

  /** True when the container may be started again. */
  isOver(name: string, nowMs: number): boolean {
    const last = this.known.get(name);
    return last === undefined || nowMs - last.atMs >= last.pauseMs;
  }

  /** Notes a start. */
  next(name: string, nowMs: number): void {
    const last = this.known.get(name);
    const fresh = last === undefined || nowMs - last.atMs >= FORGET_MS;
    this.known.set(name, { atMs: nowMs, pauseMs: fresh ? FIRST_MS : Math.min(last.pauseMs * 2, LONGEST_MS) });
  }
}
