import { randomUUID } from 'node:crypto';
import type { ExecReply } from '../../protocol/mod.ts';
import type { Session } from '../bus/session.ts';
import { insist, onSignals, type Passed, SIGNALS } from './signals.ts';

/** The agent ends the command by itself at its timeout; we wait a little longer for that answer. */
const SLACK_MS = 5_000;
/** For the answer to a signal. */
const WAIT_MS = 10_000;

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
  const ignore = onSignals((signal: Passed) => {
    if (asked.has(signal)) return leave(128 + SIGNALS[signal]);
    asked.add(signal);
    const body = { session, signal };
    const ask = () => bus.request('container', name, 'exec-write', body, { timeoutMs: WAIT_MS });
    void insist(ask, () => over);
  });
  try {
    const { argv, timeoutMs } = wish;
    const body = { argv: [...argv], timeoutMs, session };
    return await bus.request('container', name, 'exec', body, { timeoutMs: timeoutMs + SLACK_MS });
  } finally {
    over = true;
    ignore();
  }
}
