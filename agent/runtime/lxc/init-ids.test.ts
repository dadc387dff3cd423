import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { initIds } from './init-ids.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'godwit-ids-'));
  mkdirSync(join(dir, 'etc'));
  writeFileSync(join(dir, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\nweb:x:33:44::/:/bin/sh\n');
  writeFileSync(join(dir, 'etc/group'), 'root:x:0:\nweb:x:44:\n');
});
afterEach(() => rmSync(dir, { recursive: true }));

const idsOf = (user?: string, group = 'web') =>
  initIds({
    os: { init: '/init', initArgs: [], initEnv: [], ...(user ? { initUser: { user, group } } : {}) },
    root: { type: 'mount', source: join(dir, 'upper'), target: '/', readonly: false },
    policy: { mode: 'auto', rootfs: 'copy', lower: [dir] },
  });

describe('the user and group of the init', () => {
  it('are nobody in particular, numbers, or names of the container', async () => {
    expect(await idsOf()).toBeUndefined();
    expect(await idsOf('1000', '7')).toEqual({ uid: 1000, gid: 7 });
    expect(await idsOf('web')).toEqual({ uid: 33, gid: 44 });
  });

  it.each(['we', 'web:x', 'nobody'])('must be known there: %s', async (user) => {
    await expect(idsOf(user)).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining(user),
    });
  });

  it("are never read from the host's files", async () => {
    rmSync(join(dir, 'etc/passwd'));
    symlinkSync('/etc/passwd', join(dir, 'etc/passwd'));
    await expect(idsOf('daemon')).rejects.toMatchObject({ code: 'UNSUPPORTED' });
    rmSync(join(dir, 'etc'), { recursive: true });
    symlinkSync('/etc', join(dir, 'etc'));
    await expect(idsOf('daemon')).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });
});
