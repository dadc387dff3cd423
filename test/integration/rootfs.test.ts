import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../agent/effects/system-clock.ts';
import { createRunner } from '../../agent/effects/system-runner.ts';
import { farPeer, RootfsReceiver, RootfsSender } from '../../agent/rootfs/mod.ts';
import { createMeter } from '../../agent/transfer/mod.ts';
import type { DataPort, Meter } from '../../agent/transfer/stream.ts';
import { NEVER, openPort, TOKEN } from '../../agent/transfer/testing.ts';
import { ODD_TREE } from '../support/odd-tree.ts';

const MIB = 1024 * 1024;
const runner = createRunner();
const clock = systemClock;
/** Nothing runs in it. */
const NOBODY = { dirs: { freezer: '/sys/fs/cgroup/none' }, version: 'v1' as const };

let base: string;
let source: DataPort;
let target: DataPort;
let original: string;
let copy: string;
let meter: Meter;
let sender: RootfsSender;
let receiver: RootfsReceiver;

beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), 'godwit-rootfs-'));
  [original, copy] = [join(base, 'original'), join(base, 'copy')];
  for (const dir of ['original', 'copy', 'source', 'target']) mkdirSync(join(base, dir));
  [source, target] = await Promise.all([openPort(), openPort()]);
});

afterEach(async () => {
  await receiver.end();
  await Promise.all([source.close(), target.close()]);
  rmSync(base, { recursive: true, force: true });
});

function begin(basis: boolean): void {
  const common = { runner, clock, container: 'web', signal: NEVER, deadlineMs: 60_000 };
  target.permit('job', TOKEN);
  meter = createMeter({ clock });
  const peer = { host: '127.0.0.1', port: target.port, token: TOKEN };
  receiver = new RootfsReceiver({
    ...common,
    data: target,
    job: 'job',
    roots: [copy],
    dir: join(base, 'target'),
    struck: () => undefined,
  });
  sender = new RootfsSender({
    ...common,
    root: original,
    tree: 0,
    dir: join(base, 'source'),
    basis,
    peer: farPeer({
      ...common,
      tree: 0,
      meter,
      open: (kind, index) => source.open(peer, { job: 'job', kind, index }, NEVER),
    }),
  });
}

const sh = (script: string) => execFileSync('bash', ['-euc', script], { cwd: base, encoding: 'latin1' });
/** What rsync itself finds different, contents, attributes and links included; empty when nothing is. */
const differences = () => sh('rsync -naAXHSi --checksum --delete --numeric-ids original/ copy/');

const makeTree = () => sh(`cd original\n${ODD_TREE}`);

describe('a root file system', () => {
  it('crosses as it is, in passes that carry only what changed', async () => {
    makeTree();
    begin(false);
    const first = await sender.pass();
    expect(first).toMatchObject({ index: 1, frozen: false });
    expect(first.bytes).toBeGreaterThan(3_000_000);
    expect(first.bytes).toBeLessThan(2 * first.entries * MIB);

    const file = await open(join(original, 'large'), 'r+');
    await file.write('changed', 1_500_000);
    await file.close();
    linkSync(join(original, 'dir/a'), join(original, 'dir/third'));
    renameSync(join(original, 'dir/deep'), join(original, 'moved'));
    rmSync(join(original, 'odd dir'), { recursive: true });
    sh(`python3 -c 'import os; os.setxattr("original/attr", "user.colour", b"red")'`);
    sh('rm -r original/empty; echo file >original/empty');
    const second = await sender.pass();
    expect(second.bytes).toBeLessThan(200_000);

    truncateSync(join(original, 'large'), 2_000_000);
    const last = await sender.finish(NOBODY);
    await receiver.complete;
    expect(last).toMatchObject({ index: 3, frozen: true });
    expect(differences()).toBe('');
    expect(sh('stat -c %b original/sparse copy/sparse').split('\n')[1]).not.toBe('40960');
  });

  it('is built on an older copy, also where sizes and times lie', async () => {
    makeTree();
    sh('rsync -aAXHS --numeric-ids original/ copy/; echo stale >copy/dir/stale');
    sh(
      't=$(stat -c %y original/acl); echo change >original/acl; touch -d "$t" original/acl; rm original/attr',
    );
    sh('chown 1234:55 original/acl');
    begin(true);
    const first = await sender.pass();
    expect(first.bytes).toBeLessThan(100_000);
    await sender.finish(NOBODY);
    await receiver.complete;
    expect(differences()).toBe('');
  });

  it('that would not be the same at the other end is refused with the first difference', async () => {
    makeTree();
    begin(false);
    await sender.pass();
    writeFileSync(join(copy, 'intruder'), '');
    sh('touch -r original copy');
    await expect(sender.finish(NOBODY)).rejects.toMatchObject({
      code: 'ROOTFS_FAILED',
      message: expect.stringContaining('"intruder" is too much'),
    });
    await expect(receiver.complete).rejects.toMatchObject({ code: 'ROOTFS_FAILED' });
  });

  it('without room at the other end is given up with the words of rsync', async () => {
    makeTree();
    sh('rm -r copy; mkdir copy; mount -t tmpfs -o size=2M none copy');
    try {
      begin(false);
      await expect(sender.pass()).rejects.toThrow(/rsync|stream/);
      expect((await receiver.broken).message).toContain('No space left');
    } finally {
      await receiver.end();
      sh('umount copy');
    }
  });
});
