/** Bytes that a restore reads from images on tmpfs in a second. */
const REBUILD_BYTES_PER_SECOND = 1024 * 1024 * 1024;
/**
 * A restore that would read for longer leaves the memory to a pager, which costs it some 50 ms (protocol/adr/0006). Less is not
 * worth a container that hangs on its pager until the memory is filled in.
 */
const LONGEST_REBUILD_MS = 250;

/** How long a restore reads `memoryBytes` from its images. */
export function rebuildMs(memoryBytes: number): number {
  return (memoryBytes / REBUILD_BYTES_PER_SECOND) * 1000;
}

/**
 * Whether a restore after the rounds of a pre-copy, with all memory on its node, is so much faster with a pager that fills
 * it in afterwards that it is done so, where the kernel can.
 */
export function isFilledLater(memoryBytes: number): boolean {
  return rebuildMs(memoryBytes) > LONGEST_REBUILD_MS;
}

/** How long a container stands still, at most, for its memory after a pre-copy, when all of it is on its new node. */
export function refillMs(memoryBytes: number): number {
  return Math.min(rebuildMs(memoryBytes), LONGEST_REBUILD_MS);
}
