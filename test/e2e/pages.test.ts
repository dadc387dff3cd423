import { describe, expect, it } from 'vitest';
import { needsRoot } from './support/lab.ts';
import { useBareNode } from './support/use-lab.ts';

const lab = useBareNode('g');
const DRIVER = '/usr/lib/godwit/dist/test/e2e/support/pages-driver.js';
const MIB = 16;
const PAGE_BYTES = 4096;

/** See support/pages-driver.ts. */
async function move(mode: 'hybrid' | 'precopy') {
  return JSON.parse(await lab.sh('n1', `exec node ${DRIVER} ${mode} ${MIB}`));
}

/** Right in both processes, and in a child that each of them forked while it was filled. */
const allRight = ['1 right', '2 right', 'child 1 right', 'child 2 right'];
const cleanImages = ['pagemap-N.img', 'pagemap-N.img', 'pagemap-shmem-N.img'];

describe.skipIf(needsRoot)('the page server between two real crius', () => {
  it('hybrid: every page is right, only dirty ones cross, each of them once', async () => {
    const { made, verdicts, received, done, link, ended, clean, parents } = await move('hybrid');
    expect(verdicts).toEqual(allRight);
    expect(ended).toBe(0);
    // The two processes' memory was clean but for a sixteenth; so was what they share, which is never lazy.
    expect(clean).toEqual(cleanImages);
    expect(made.localPages).toBeGreaterThan(2 * MIB * 256 * 0.9);
    expect(made.remotePages).toBeLessThan(2 * MIB * 256 * 0.25);
    expect(made.remotePages).toBeGreaterThanOrEqual((2 * MIB * 256) / 16);
    // What was locked after the round is loaded by the restore.
    expect(made.eagerPages).toBeGreaterThanOrEqual(2 * 16);
    const bytes = made.remotePages * PAGE_BYTES;
    expect(received).toMatchObject({ bytes });
    expect(done).toMatchObject({ remoteBytes: bytes, receivedBytes: bytes });
    expect(link).toBeGreaterThan(bytes);
    expect(link).toBeLessThan(bytes * 1.01);
    // Each process has a parent image, which keeps transparent huge pages off, and the shared memory its own.
    expect(parents).toBe(3);
  });

  it('pre-copy: the same restore, without a source', async () => {
    const { made, verdicts, received, ended, link } = await move('precopy');
    expect(verdicts).toEqual(allRight);
    expect(ended).toBe(0);
    expect(made.remotePages).toBe(0);
    expect(made.localPages).toBeGreaterThan(2 * MIB * 256);
    expect(received).toMatchObject({ bytes: 0 });
    expect(link).toBe(0);
  });
});
