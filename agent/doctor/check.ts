import type { DoctorCheck } from '../../protocol/mod.ts';
import type { Clock } from '../effects/clock.ts';

/** What one look found. `hint` says what it means and how to cure it; empty when all is well. */
export interface Finding {
  readonly status: DoctorCheck['status'];
  readonly message: string;
  readonly hint?: string;
}

/** One thing the doctor looks at. An error that `look` throws becomes a failed check with its text. */
export interface Check {
  readonly name: string;
  readonly look: (signal: AbortSignal) => Promise<Finding> | Finding;
  readonly deadlineMs?: number;
}

const DEADLINE_MS = 15_000;

/** Runs one check within its deadline. Never rejects. */
export async function runCheck(clock: Clock, check: Check): Promise<DoctorCheck> {
  const startedMs = clock.monotonicMs();
  const deadlineMs = check.deadlineMs ?? DEADLINE_MS;
  const abort = new AbortController();
  const cancel = clock.after(deadlineMs, () => abort.abort(new Error(`no result within ${deadlineMs} ms`)));
  const finding = await lookAt(check, abort.signal);
  cancel();
  const durationMs = clock.monotonicMs() - startedMs;
  return { name: check.name, hint: '', ...finding, durationMs };
}

async function lookAt(check: Check, signal: AbortSignal): Promise<Finding> {
  const late = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  try {
    return await Promise.race([Promise.resolve().then(() => check.look(signal)), late]);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { status: 'failed', message, hint: 'The check itself did not come to an end; see the agent log.' };
  }
}

export const ok = (message: string): Finding => ({ status: 'ok', message });
export const warning = (message: string, hint: string): Finding => ({ status: 'warning', message, hint });
export const failed = (message: string, hint: string): Finding => ({ status: 'failed', message, hint });
export const skipped = (message: string, hint = ''): Finding => ({ status: 'skipped', message, hint });
