import { describe, expect, it } from 'vitest';
import { systemClock } from '../effects/system-clock.ts';
import { failed, ok, runCheck } from './check.ts';

describe('runCheck', () => {
  it('names, times and passes on what a check found', async () => {
    const result = await runCheck(systemClock, {
      name: 'slow',
      look: async () => {
        await systemClock.sleep(30);
        return failed('broken', 'mend it');
      },
    });
    expect(result).toMatchObject({ name: 'slow', status: 'failed', message: 'broken', hint: 'mend it' });
    expect(result.durationMs).toBeGreaterThanOrEqual(25);
    expect((await runCheck(systemClock, { name: 'fine', look: () => ok('yes') })).hint).toBe('');
  });

  it('takes an error for a failure, thrown at once or later', async () => {
    const look = () => {
      throw new Error('no such file');
    };
    for (const check of [
      { name: 'x', look },
      { name: 'x', look: async () => look() },
    ]) {
      expect(await runCheck(systemClock, check)).toMatchObject({ status: 'failed', message: 'no such file' });
    }
  });

  it('ends at the deadline and tells the check so', async () => {
    let told: unknown;
    const result = await runCheck(systemClock, {
      name: 'hanging',
      deadlineMs: 20,
      look: (signal) => {
        signal.addEventListener('abort', () => {
          told = signal.reason;
        });
        return new Promise(() => {});
      },
    });
    expect(result).toMatchObject({ status: 'failed', message: 'no result within 20 ms' });
    expect(told).toBeInstanceOf(Error);
  });
});
