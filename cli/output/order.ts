/** Orders names as people do: n2 before n10. For `sort`; collation of the language would do it too, and takes 18 ms to load. */
export function naturally(one: string, other: string): number {
  const [ours, theirs] = [partsOf(one), partsOf(other)];
  for (const [index, part] of ours.entries()) {
    const difference = compareParts(part, theirs[index] ?? '');
    if (difference !== 0) return difference;
  }
  return ours.length - theirs.length || compare(one, other);
}

/** Numbers, and what is between them. */
function partsOf(name: string): string[] {
  return name.match(/\d+|\D+/g) ?? [];
}

function compareParts(one: string, other: string): number {
  return Number(one) - Number(other) || compare(one.toLowerCase(), other.toLowerCase());
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
