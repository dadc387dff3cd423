/** The first few of a list in one line, and how many more there are. */
export function some(items: readonly string[], shown = 3): string {
  const rest = items.length - shown;
  return items.slice(0, shown).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

const MIB = 1024 * 1024;

/** Bytes for people: `512 MiB`, `4.1 MiB`. */
export function mebibytes(bytes: number): string {
  return `${(bytes / MIB).toFixed(bytes < 100 * MIB ? 1 : 0)} MiB`;
}

/** Bytes a second for people. */
export function rate(bytesPerSecond: number): string {
  return `${mebibytes(bytesPerSecond)}/s`;
}

/** Milliseconds for people: `310 ms`, `2.4 s`. */
export function duration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
