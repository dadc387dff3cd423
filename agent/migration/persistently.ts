import type { Agent } from './agent.ts';

const ATTEMPTS = 3;
const PAUSE_MS = 1_000;

/** Does again what can be done again; what fails each time is left to the operator, with its reasons in the log. */
export async function persistently(
  { log, clock }: Agent,
  of: { readonly job: string; readonly what: string },
  action: () => Promise<void>,
): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    try {
      return await action();
    } catch (error) {
      log.error({ ...of, attempt, err: error }, 'could not be done');
      if (attempt < ATTEMPTS) await clock.sleep(PAUSE_MS);
    }
  }
}
