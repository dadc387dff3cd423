import { expect, it } from 'vitest';
import type { Ending, ErrorCode } from '../../../protocol/mod.ts';
import { modeAgain } from './again.ts';

const failed = (code: ErrorCode, line: string): Ending => ({
  outcome: 'failed',
  error: { code, message: line, hint: '', details: { lines: [line] } },
});
const QUEUED = 'Error (criu/sk-queue.c:144): skqueue: Control messages in queue, not supported';
const BROKEN = 'Error (criu/page-xfer.c:285): Missing 7f00 in parent pagemap';

it('begins twice more in the same mode when criu met what is there for a moment', () => {
  const ending = failed('DUMP_FAILED', QUEUED);
  expect(modeAgain(ending, 'postcopy', 1)).toBe('postcopy');
  expect(modeAgain(ending, 'postcopy', 2)).toBe('postcopy');
  expect(modeAgain(ending, 'postcopy', 3)).toBeUndefined();
});

it('does so when the kernel had news of the network', () => {
  const line = 'Error (criu/sk-netlink.c:77): netlink: The socket has data to read';
  expect(modeAgain(failed('DUMP_FAILED', line), 'cold', 1)).toBe('cold');
});

it('does so when systemd was just starting a service', () => {
  const line =
    'pie: 204: Error (criu/pie/restorer.c:2080): sys_prctl(PR_SET_MM, PR_SET_MM_MAP) failed with -9';
  expect(modeAgain(failed('RESTORE_FAILED', line), 'cold', 1)).toBe('cold');
});

it('leaves the rounds away when their chain is broken', () => {
  expect(modeAgain(failed('DUMP_FAILED', BROKEN), 'precopy', 1)).toBe('cold');
  expect(modeAgain(failed('RESTORE_FAILED', BROKEN), 'hybrid', 1)).toBe('postcopy');
  expect(modeAgain(failed('DUMP_FAILED', BROKEN), 'cold', 1)).toBeUndefined();
});

it('does not begin again for anything else', () => {
  expect(modeAgain(failed('DUMP_FAILED', 'Error (criu/fake.c:42): no'), 'cold', 1)).toBeUndefined();
  expect(modeAgain(failed('TRANSFER_FAILED', QUEUED), 'cold', 1)).toBeUndefined();
  expect(modeAgain({ outcome: 'done' }, 'cold', 1)).toBeUndefined();
  expect(modeAgain({ ...failed('DUMP_FAILED', QUEUED), outcome: 'aborted' }, 'cold', 1)).toBeUndefined();
});
