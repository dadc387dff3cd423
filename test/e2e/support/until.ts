/** Calls `probe` until it gives true; for states that come without an event. Rejects naming `what` after the deadline. */
export async function until(
  what: string | (() => string),
  deadlineMs: number,
  probe: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!(await probe())) {
    if (performance.now() > end)
      throw new Error(`not within ${deadlineMs} ms: ${typeof what === 'string' ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
