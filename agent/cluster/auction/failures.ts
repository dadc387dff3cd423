/** After so long a failure counts half. */
const HALF_LIFE_MS = 10 * 60_000;
/** Below this it is forgotten. */
const FORGOTTEN = 0.05;

/** Moves to each target that failed, old ones counted less; as long as the agent runs. */
export class Failures {
  private readonly known = new Map<string, { readonly weight: number; readonly atMs: number }>();

  /** Notes one more. */
  add(target: string, nowMs: number): void {
    this.known.set(target, { weight: this.of(target, nowMs) + 1, atMs: nowMs });
  }

  /** 1 for one that has just happened. */
  of(target: string, nowMs: number): number {
    const last = this.known.get(target);
    if (!last) return 0;
    const weight = last.weight * 2 ** (-(nowMs - last.atMs) / HALF_LIFE_MS);
    if (weight >= FORGOTTEN) return weight;
    this.known.delete(target);
    return 0;
  }
}
