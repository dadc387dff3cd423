import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../agent/effects/system-clock.ts';
import { createRunner } from '../../agent/effects/system-runner.ts';
import { mountOverlay, overlayDir, refreshOverlay, unmountOverlay } from '../../agent/runtime/lxc/overlay.ts';
import type { Lxc } from '../../agent/runtime/lxc/tool.ts';
import type { DomainSpec } from '../../protocol/mod.ts';

const NAME = 'layers';

let base: string;
let options: Lxc;
let spec: DomainSpec;

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'godwit-overlay-'));
  // The temporary directory of a test machine may be on an overlay, which another one cannot be laid over.
  sh(`chmod 755 .; mount -t tmpfs -o mode=755 none .`);
  for (const dir of ['lower', 'app', 'lxc']) mkdirSync(join(base, dir));
  options = {
    runner: createRunner(),
    clock: systemClock,
    log: pino({ level: 'silent' }),
    lxcPath: join(base, 'lxc'),
    runDir: join(base, 'run'),
    node: 'n1',
    socketTable: '/proc/net/unix',
    explain: async () => ({ lines: [], cure: '' }),
    restoring: new Set(),
    inits: new Map(),
  };
  spec = {
    name: NAME,
    uuid: '6b3a6e0e-5d8a-4f2b-9b59-0f6a1f0c0a01',
    memoryBytes: 64 * 1024 * 1024,
    vcpus: 1,
    os: { init: '/bin/app', initArgs: [], initEnv: [] },
    root: { type: 'mount', source: join(base, 'app'), target: '/', readonly: false },
    filesystems: [],
    interfaces: [],
    console: false,
    policy: { mode: 'auto', rootfs: 'copy', lower: [join(base, 'lower')] },
  };
});
afterEach(async () => {
  await unmountOverlay(options, NAME);
  execFileSync('umount', [base]);
  rmSync(base, { recursive: true });
});

const sh = (script: string) => execFileSync('bash', ['-euc', script], { cwd: base, encoding: 'utf8' });
const mount = () => mountOverlay(options, spec);

it('leaves nothing of an overlay, also when one was cut off before', async () => {
  sh('mkdir -p app.work/work -m 700; chmod 0 app.work/work');
  await mount();
  writeFileSync(join(overlayDir(options.lxcPath, NAME), 'file'), 'text');
  await unmountOverlay(options, NAME);
  expect(readFileSync(join(base, 'app/file'), 'utf8')).toBe('text');
  expect(existsSync(join(base, 'app.work'))).toBe(false);
});

it.each(['app.work/letters', 'app.work/work'])(
  'does not touch a directory of somebody else: %s',
  async (dir) => {
    sh(`mkdir -p ${dir}; echo mine >${dir}/file`);
    await expect(mount()).rejects.toMatchObject({ code: 'HOST_FAILED' });
    await unmountOverlay(options, NAME);
    expect(readFileSync(join(base, dir, 'file'), 'utf8')).toBe('mine\n');
  },
);

it('removes of its working directory what overlayfs made only', async () => {
  await mount();
  sh('echo mine >app.work/file');
  await unmountOverlay(options, NAME);
  expect(sh('ls app.work')).toBe('file\n');
});

it('shows the rights of a root that was filled after it was mounted', async () => {
  await mount();
  sh('chown 1234:55 app; chmod 1700 app');
  const enter = `setpriv --reuid 65534 --regid 65534 --clear-groups ls lxc/${NAME}/overlay 2>/dev/null || echo no`;
  expect(sh(enter)).toBe('');
  await refreshOverlay(options, spec);
  expect(sh(enter)).toBe('no\n');
  expect(sh(`stat -c '%a %u:%g' app lxc/${NAME}/overlay`)).toBe('1700 1234:55\n1700 1234:55\n');
});
