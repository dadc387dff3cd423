import { GodwitError } from '../../protocol/errors.ts';

/** Those that are handed on, with their numbers. */
export const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15, SIGQUIT: 3, SIGUSR1: 10, SIGUSR2: 12 } as const;
export type Passed = keyof typeof SIGNALS;

/** Asking for one of these again says that it has to end now. */
const ENDING: readonly Passed[] = ['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGQUIT'];
const AGAIN_MS = 100;
/** A node under load may take as long to begin a command. */
const PATIENCE_MS = 30_000;

/** Hands the signals of this process to somebody else, until the answer is called. */
export function onSignals(take: (signal: Passed) => void): () => void {
  const listeners = (Object.keys(SIGNALS) as Passed[]).map((signal) => [signal, () => take(signal)] as const);
  for (const [signal, listener] of listeners) process.on(signal, listener);
  return () => {
    for (const [signal, listener] of listeners) process.off(signal, listener);
  };
}

/**
 * Asks until the command is there to take a signal, which may come before it, but not for ever. What was refused for another reason, or has no
 * answer, is not asked again: it may have got there.
 */
export async function insist(ask: () => Promise<unknown>, isOver: () => boolean): Promise<void> {
  for (const untilMs = performance.now() + PATIENCE_MS; !isOver() && performance.now() < untilMs; ) {
    const isNotYet = await ask().then(
      () => false,
      (error: unknown) => error instanceof GodwitError && error.code === 'EXEC_FAILED',
    );
    if (!isNotYet) return;
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

/**
 * Passes signals on with `send`; one that is to end the command, and comes while `patience` of the same are on their way, leaves.
 * @param leave ends this process
 */
export function impatiently(
  patience: number,
  send: (signal: Passed) => Promise<unknown>,
  leave: (exitCode: number) => void,
): (signal: Passed) => void {
  const onTheirWay = new Map<Passed, number>();
  const count = (signal: Passed, by: number) => onTheirWay.set(signal, (onTheirWay.get(signal) ?? 0) + by);
  return (signal) => {
    if (ENDING.includes(signal) && (onTheirWay.get(signal) ?? 0) >= patience)
      return leave(128 + SIGNALS[signal]);
    count(signal, 1);
    void send(signal).finally(() => count(signal, -1));
  };
}
