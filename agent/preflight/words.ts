/** The first few of a list in one line, and how many more there are. */
export function some(items: readonly string[], shown = 3): string {
  const rest = items.length - shown;
  return items.slice(0, shown).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

/** Bytes for people, in MiB. */
export function mebibytes(bytes: number): string {
  return `${Math.round(bytes / (1024 * 1024))} MiB`;
}
