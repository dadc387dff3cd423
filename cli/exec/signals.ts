/** Those that are handed on, with their numbers. */
export const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15, SIGQUIT: 3, SIGUSR1: 10, SIGUSR2: 12 } as const;
export type Passed = keyof typeof SIGNALS;

const AGAIN_MS = 100;

/** Hands the signals of this process to somebody else, until the answer is called. */
export function onSignals(take: (signal: Passed) => void): () => void {
  const listeners = (Object.keys(SIGNALS) as Passed[]).map((signal) => [signal, () => take(signal)] as const);
  for (const [signal, listener] of listeners) process.on(signal, listener);
  return () => {
    for (const [signal, listener] of listeners) process.off(signal, listener);
  };
}

/** Asks until it is answered, or of no use: a signal may come before the command is there to take it. */
export async function insist(ask: () => Promise<unknown>, isOver: () => boolean): Promise<void> {
  for (let isTaken = false; !isTaken && !isOver(); ) {
    isTaken = await ask().then(
      () => true,
      () => false,
    );
    if (!isTaken) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}
