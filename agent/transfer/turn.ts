/**
 * Waits for somebody's turn. `enter` puts `go` where it will be called, maybe at once, and returns how to take it out again, which
 * is done when the signal is aborted first. Rejects with the signal's reason.
 */
export function awaitTurn(
  signal: AbortSignal | undefined,
  enter: (go: () => void) => () => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      leave();
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    const leave = enter(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
  });
}
