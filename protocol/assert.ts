/** Stops at once when the protocol's own rules are broken; kept on in production (TigerBeetle's rule). */
export function assert(condition: unknown, rule: string): asserts condition {
  if (!condition) throw new Error(`protocol rule broken: ${rule}`);
}

/** For the default branch of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
