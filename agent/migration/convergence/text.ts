const MIB = 1024 * 1024;

/** Milliseconds for people: `310 ms`, `2.4 s`. */
export function ms(value: number): string {
  return value < 1000 ? `${Math.round(value)} ms` : `${(value / 1000).toFixed(1)} s`;
}

/** Bytes for people, in MiB. */
export function mebibytes(bytes: number): string {
  return `${(bytes / MIB).toFixed(bytes < 100 * MIB ? 1 : 0)} MiB`;
}

/** Bytes a second for people. */
export function rate(bytesPerSecond: number): string {
  return `${mebibytes(bytesPerSecond)}/s`;
}
