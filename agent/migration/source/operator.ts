import {
  GodwitError,
  type Side,
  type SourceEffect,
  type SourceEvent,
  type SourceState,
} from '../../../protocol/mod.ts';
import type { Driver } from '../driver.ts';

type SourceDriver = Driver<SourceState, SourceEvent, SourceEffect>;

/** Before the commit was sent: the move is given up. @throws GodwitError JOB_STATE afterwards */
export function abortMove(driver: SourceDriver, error: GodwitError, outcome: 'aborted' | 'timeout'): void {
  const { phase, move } = driver.state;
  if (!['preparing', 'claiming', 'freezing', 'frozen'].includes(phase))
    throw new GodwitError('JOB_STATE', { job: move.job, state: phase, problem: 'it is decided and goes on' });
  driver.feed({ kind: 'abort', outcome, error: error.toWire() });
}

/**
 * In doubt: one copy is kept, the other goes. With `force` the operator puts a committed move in doubt, whose target will
 * never say anything again. @throws GodwitError JOB_STATE when it is not in doubt
 */
export function resolveDoubt(driver: SourceDriver, keep: Side, force: boolean): void {
  const { job, container } = driver.state.move;
  if (force && driver.state.phase === 'committed') {
    const problem = 'an operator gave up the copy of the target';
    const error = new GodwitError('OUTCOME_UNKNOWN', { container, problem }).toWire();
    driver.feed({ kind: 'target-lost', error });
  }
  const { phase } = driver.state;
  if (phase !== 'in-doubt')
    throw new GodwitError('JOB_STATE', { job, state: phase, problem: 'it is not in doubt' });
  driver.feed({ kind: 'resolve', keep });
}
