import { expect, it } from 'vitest';
import { startMoveLab } from '../support/moves.ts';

it('gives a container its CPU time back when the agent dies that throttled it', async () => {
  await using lab = await startMoveLab();
  await lab.source.stop();
  await lab.source.startApart();
  await lab.run('app');
  const [pid] = lab.source.tasks('app');
  expect(lab.source.cpuQuota('app')).toBe(-1);
  // Rounds of seconds, which never come down to this: each one after the first is slower for the container.
  const job = await lab.migrate('app', {
    mode: 'precopy',
    maxDowntimeMs: 1,
    maxRounds: 1,
    onNonconverge: 'throttle',
    bandwidthBytesPerSecond: 64 * 1024,
  });
  await expect
    .poll(() => lab.source.cpuQuota('app'), { timeout: 40_000, interval: 20 })
    .toBeGreaterThanOrEqual(1_000);
  await lab.source.kill();
  expect(lab.source.cpuQuota('app')).toBeGreaterThanOrEqual(1_000);

  await lab.source.startApart();
  const ended = await lab.ended(job);
  expect(ended).toMatchObject({ outcome: 'failed' });
  await lab.untouched(ended, pid);
  expect(lab.source.cpuQuota('app')).toBe(-1);
});
