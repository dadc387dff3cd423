/** The numbers at the start of a version such as `6.18.44-amd64`, `4.2.1` or `GitID…`; empty when there are none. */
export function versionOf(text: string): number[] {
  const match = /(\d+)(?:\.(\d+))?(?:\.(\d+))?/.exec(text);
  if (!match) return [];
  return [match[1], match[2], match[3]].map((part) => Number(part ?? 0));
}

/** Negative, zero or positive as `a` is older than, equal to or newer than `b`, over the first `parts` numbers. */
export function compareVersions(a: string, b: string, parts = 3): number {
  const left = versionOf(a);
  const right = versionOf(b);
  for (let index = 0; index < parts; index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Bytes of the page server's header in this criu: 24 up to 4.1, 32 from 4.2 on. Different ones cannot talk. */
export function pageServerHeaderBytes(criu: string): 24 | 32 {
  return compareVersions(criu, '4.2', 2) >= 0 ? 32 : 24;
}

/** Pairs of criu and kernel that were seen to fail; `criuBelow` and `kernelFrom` compare major and minor. */
const BROKEN_PAIRS = [
  { criuBelow: '4.2', kernelFrom: '6.16', why: 'a dump of any TCP socket fails (SO_PASSCRED)' },
  { criuBelow: '4.0', kernelFrom: '6.0', why: 'it does not start with a large vDSO area' },
] as const;

/** Why this criu fails on this kernel, or undefined when nothing is known against it. */
export function knownBroken(criu: string, kernel: string): string | undefined {
  return BROKEN_PAIRS.find(
    (pair) =>
      compareVersions(criu, pair.criuBelow, 2) < 0 && compareVersions(kernel, pair.kernelFrom, 2) >= 0,
  )?.why;
}
