import { randomUUID } from 'node:crypto';
import type { ExecReply } from '../../protocol/mod.ts';
import type { Session } from '../bus/session.ts';

/** The agent ends the command by itself at its timeout; we wait a little longer for that answer. */
const SLACK_MS = 5_000;
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15, SIGQUIT: 3, SIGUSR1: 10, SIGUSR2: 12 } as const;
/** A signal may come before the command is there to take it. */
const AGAIN_MS = 100;
const WAIT_MS = 2_000;

/**
 * Runs a command in a container that gets no input, and passes on signals: it is the command that ends of them, and says how. Who sends
 * the same again is not kept waiting. @param leave ends this process @throws GodwitError CONTAINER_NOT_FOUND, CONTAINER_STATE, EXEC_FAILED, CHILD_TIMEOUT, BUS_TIMEOUT
 */
export async function run(
  bus: Session,
  name: string,
  wish: { readonly argv: readonly string[]; readonly timeoutMs: number },
  leave: (exitCode: number) => void,
): Promise<ExecReply> {
  const session = randomUUID();
  const asked = new Set<string>();
  let over = false;
  const pass = async (signal: keyof typeof SIGNALS) => {
    if (asked.has(signal)) return leave(128 + SIGNALS[signal]);
    asked.add(signal);
    for (let sent = false; !sent && !over; ) {
      sent = await bus
        .request('container', name, 'exec-write', { session, signal }, { timeoutMs: WAIT_MS })
        .then(
          () => true,
          () => false,
        );
      if (!sent) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  };
  const listeners = (Object.keys(SIGNALS) as (keyof typeof SIGNALS)[]).map(
    (signal) => [signal, () => void pass(signal)] as const,
  );
  for (const [signal, listener] of listeners) process.on(signal, listener);
  try {
    const { argv, timeoutMs } = wish;
    const body = { argv: [...argv], timeoutMs, session };
    return await bus.request('container', name, 'exec', body, { timeoutMs: timeoutMs + SLACK_MS });
  } finally {
    over = true;
    for (const [signal, listener] of listeners) process.off(signal, listener);
  }
}
