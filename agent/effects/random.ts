/** Chance as the agent sees it; seeded in tests. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** A fresh id of `[a-z0-9]`, safe as a NATS token and as a path segment. */
  id(): string;
  /** A secret for one use, hexadecimal. */
  token(): string;
}
