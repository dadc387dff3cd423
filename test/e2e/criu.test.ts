import { describe, expect, it } from 'vitest';
import { needsRoot } from './support/lab.ts';
import { useBareNode } from './support/use-lab.ts';

const lab = useBareNode('c');
const DRIVER = '/usr/lib/godwit/dist/test/e2e/support/criu-driver.js';

/** Runs one scenario of the driver inside n1; see support/criu-driver.ts. */
async function scenario(name: string) {
  return JSON.parse(await lab.sh('n1', `exec node ${DRIVER} ${name}`));
}

describe.skipIf(needsRoot)('the real criu in a lab node', () => {
  it('the doctor moves two processes, cold and post-copy, and leaves nothing', async () => {
    const before = await leftovers();
    const { checks, capabilities } = await scenario('doctor');
    const statuses = Object.fromEntries(
      checks.map((check: { name: string; status: string }) => [check.name, check.status]),
    );
    expect(statuses).toMatchObject({
      root: 'ok',
      'run-tmpfs': 'ok',
      'pipe-size': 'ok',
      cgroup: 'ok',
      criu: 'ok',
      lxc: 'ok',
      'network-lock': 'ok',
      'cold-trial': 'ok',
      'post-copy-trial': 'ok',
    });
    expect(capabilities.criu).toMatch(/^\d+\.\d+/);
    expect(capabilities.features).toMatchObject({ 'uffd-noncoop': true, network_lock_nftables: true });
    expect(await leftovers()).toBe(before);
  });

  it('a doctor whose trials fail says so and leaves nothing', async () => {
    const before = await leftovers();
    const failed = {
      status: 'failed',
      message: expect.stringContaining('criu dump'),
      hint: expect.stringMatching(/\S/),
    };
    expect(await scenario('failing-doctor')).toMatchObject([failed, failed]);
    expect(await leftovers()).toBe(before);
  });

  it('a cold dump sends its memory to a page-server and waits in the hook', async () => {
    const seen = await scenario('cold');
    expect(seen).toMatchObject({ initPid: true, restored: 0, verdict: 'right' });
    // Two processes with 4 MiB each.
    expect(seen.stats.bytes).toBeGreaterThan(8 * 1024 * 1024);
    expect(seen.stats.frozenMs).toBeGreaterThan(0);
  });

  it('a post-copy whose target was started before the freeze', async () => {
    expect(await scenario('lazy')).toEqual({
      restored: 0,
      verdict: 'right',
      ended: [0, 0],
      stats: 'HOST_FAILED',
    });
  });

  it('a dump that is stopped in the hook leaves the processes running, connected', async () => {
    const seen = await scenario('stopped');
    expect(seen.exitCode).not.toBe(0);
    expect(seen.verdict).toBe('right');
    expect(seen.summary.cure).toMatch(/godwit itself ended this/);
  });

  it('a process that cannot be dumped: criu says why, godwit what to do, and it runs on', async () => {
    const { error, alive } = await scenario('refused');
    expect(error).toMatchObject({
      code: 'DUMP_FAILED',
      message: expect.stringContaining("Can't dump ghost file"),
      hint: expect.stringContaining('--ghost-limit'),
    });
    expect(alive).toBe(true);
  });
});

/** Processes, mounts and files in the run directory of the node. */
function leftovers(): Promise<string> {
  return lab.sh(
    'n1',
    'ps -e -o comm= | grep -c -e criu -e perl -e unshare || true; wc -l </proc/mounts; ls /run/godwit 2>/dev/null || true',
  );
}
