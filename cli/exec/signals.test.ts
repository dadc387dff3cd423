import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { GodwitError } from '../../protocol/errors.ts';
import { impatiently, insist } from './signals.ts';

const notYet = new GodwitError('EXEC_FAILED', { container: 'app', problem: 'not there' });
const unanswered = new GodwitError('BUS_TIMEOUT', { subject: 'container.app.exec-write', timeoutMs: 10 });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Asks as long as it is asked to; resolves with how often. */
async function asked(answers: readonly (GodwitError | undefined)[], isOver = () => false): Promise<number> {
  let times = 0;
  const ask = async () => {
    const answer = answers[Math.min(times++, answers.length - 1)];
    if (answer) throw answer;
  };
  const ended = insist(ask, isOver);
  await vi.advanceTimersByTimeAsync(3_600_000);
  await ended;
  return times;
}

it('asks until the command is there', async () => {
  expect(await asked([notYet, notYet, undefined])).toBe(3);
});

it('does not ask again what may have got there', async () => {
  expect(await asked([unanswered, undefined])).toBe(1);
});

it('does not ask for ever', async () => {
  expect(await asked([notYet])).toBe(300);
});

it('does not ask when the command is over', async () => {
  expect(await asked([notYet], () => true)).toBe(0);
});

it('leaves at the third that is to end it while two are on their way', async () => {
  const answers: (() => void)[] = [];
  const send = vi.fn(() => new Promise<void>((resolve) => answers.push(resolve)));
  const leave = vi.fn();
  const pass = impatiently(2, send, leave);
  for (const signal of ['SIGINT', 'SIGUSR1', 'SIGINT', 'SIGUSR1', 'SIGUSR1', 'SIGTERM'] as const)
    pass(signal);
  expect(send).toHaveBeenCalledTimes(6);
  expect(leave).not.toHaveBeenCalled();
  pass('SIGINT');
  expect(leave.mock.calls).toEqual([[130]]);
  answers[0]?.();
  await vi.advanceTimersByTimeAsync(0);
  pass('SIGINT');
  expect(leave).toHaveBeenCalledTimes(1);
  expect(send).toHaveBeenCalledTimes(7);
});
