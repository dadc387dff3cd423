import { chmod, cp, mkdir, mkdtemp, rm, statfs, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inodesOf, rootfsIdentity } from './rootfs.ts';

describe('rootfsIdentity', () => {
  let base: string;
  let root: string;
  beforeEach(async () => {
    base = await mkdtemp(join(tmpdir(), 'rootfs-'));
    root = join(base, 'root');
    await mkdir(join(root, 'usr/sbin'), { recursive: true });
    await symlink('usr/sbin', join(root, 'sbin'));
    await writeFile(join(root, 'usr/sbin/real-init'), '#!/bin/sh\n');
    // An absolute link means the container's root, not the node's.
    await symlink('/usr/sbin/real-init', join(root, 'usr/sbin/init'));
  });
  afterEach(() => rm(base, { recursive: true }));

  it('stays the same while the container works', async () => {
    const before = await rootfsIdentity(root, '/sbin/init');
    await writeFile(join(root, 'core'), 'a file at the top');
    await writeFile(join(root, 'usr/file'), 'a file below');
    expect(await rootfsIdentity(root, '/sbin/init')).toEqual(before);
  });

  it('differs in its inode only when it is an exact copy', async () => {
    const copy = join(base, 'copy');
    await cp(root, copy, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
    const [one, two] = [await rootfsIdentity(root, '/sbin/init'), await rootfsIdentity(copy, '/sbin/init')];
    expect({ ...two, inode: '' }).toEqual({ ...one, inode: '' });
    expect(two?.inode).not.toBe(one?.inode);
  });

  it('notices other directories, links, modes and another init', async () => {
    const first = await rootfsIdentity(root, '/sbin/init');
    await writeFile(join(root, 'usr/sbin/real-init'), '#!/bin/ash');
    const otherInit = await rootfsIdentity(root, '/sbin/init');
    expect(otherInit?.init).not.toBe(first?.init);
    expect(otherInit?.entries).toBe(first?.entries);
    await chmod(join(root, 'usr'), 0o700);
    const otherMode = await rootfsIdentity(root, '/sbin/init');
    expect(otherMode?.entries).not.toBe(first?.entries);
    await mkdir(join(root, 'opt'));
    expect((await rootfsIdentity(root, '/sbin/init'))?.entries).not.toBe(otherMode?.entries);
  });

  it('has no answer for a root that is not there, and one without an init', async () => {
    expect(await rootfsIdentity(join(base, 'nothing'), '/sbin/init')).toBeUndefined();
    expect(await rootfsIdentity(join(root, 'usr/sbin/real-init'), '/sbin/init')).toBeUndefined();
    const missing = await rootfsIdentity(root, '/no/such');
    expect(missing?.init).toBe((await rootfsIdentity(root, 'also-missing'))?.init);
  });

  it('does not go round in circles', async () => {
    await symlink('loop', join(root, 'loop'));
    expect(await rootfsIdentity(root, '/loop')).toBeDefined();
  });
});

it('names of a directory its inode and the size of its file system', async () => {
  const found = await inodesOf(['/tmp', '/no/such']);
  expect(Object.keys(found)).toEqual(['/tmp']);
  const { bsize, blocks } = await statfs('/tmp');
  expect(found['/tmp']).toMatch(new RegExp(`^\\d+ ${bsize * blocks}$`));
});
