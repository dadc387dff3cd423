/** Aligned columns with a heading, for people. */
export function table(lines: readonly Readonly<Record<string, string | number>>[]): string {
  const names = Object.keys(lines[0] ?? {});
  const cells = [names, ...lines.map((line) => names.map((name) => String(line[name])))];
  const widths = names.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells
    .map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .join('\n');
}
