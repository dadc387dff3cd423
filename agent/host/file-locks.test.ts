import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../effects/system-clock.ts';
import { createRunner } from '../effects/system-runner.ts';
import { findFileLocks, parseLocks, releaseFileLocks, retakeFileLocks } from './file-locks.ts';

const runner = createRunner();

describe('parseLocks', () => {
  it('takes flock and OFD locks with their ranges, not those of processes', () => {
    const fdinfo = `pos:\t0
mnt_id:\t27
lock:\t1: FLOCK  ADVISORY  WRITE 71 fe:00:2133 0 EOF
lock:\t2: OFDLCK ADVISORY  READ -1 fe:00:2133 10 19
lock:\t3: POSIX  ADVISORY  WRITE 71 fe:00:2133 0 EOF
`;
    expect(parseLocks(71, 5, fdinfo)).toEqual([
      { pid: 71, fd: 5, kind: 'FLOCK', type: 'WRITE', startByte: 0, lengthBytes: 0 },
      { pid: 71, fd: 5, kind: 'OFDLCK', type: 'READ', startByte: 10, lengthBytes: 10 },
    ]);
  });
});

describe('the locks of real processes', () => {
  let dir: string;
  let holder: ChildProcess;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'locks-'));
  });

  afterEach(async () => {
    holder?.kill('SIGKILL');
    await rm(dir, { recursive: true });
  });

  it.each([
    ['flock', 'flock($f, 2) or die $!'],
    ['an OFD lock', 'my $l = pack("s s x4 q q i x4", 1, 0, 0, 0, 0); fcntl($f, 37, $l) or die $!'],
  ])(
    '%s is released and taken again from outside, and never taken from somebody else',
    async (_what, take) => {
      holder = await holding(join(dir, 'file'), take);
      const cgroup = await fakeCgroup(dir, [holder.pid ?? 0]);
      expect(await free(join(dir, 'file'), take)).toBe(false);

      const locks = await findFileLocks(cgroup);
      expect(locks.length).toBe(1);
      await releaseFileLocks(runner, locks);
      expect(await free(join(dir, 'file'), take)).toBe(true);

      const patience = { runner, clock: systemClock, patienceMs: 100 };
      const other = await holding(join(dir, 'file'), take);
      expect(await retakeFileLocks(patience, locks)).toBe(false);
      other.kill('SIGKILL');
      await once(other, 'close');
      expect(await retakeFileLocks(patience, locks)).toBe(true);
      expect(await free(join(dir, 'file'), take)).toBe(false);
    },
  );
});

/** A process that holds a lock on the file until it is killed. */
async function holding(file: string, take: string): Promise<ChildProcess> {
  const script = `open(my $f, "+>>", $ARGV[0]) or die $!; ${take}; $| = 1; print "held\\n"; sleep 60`;
  const child = spawn('perl', ['-e', script, file], { stdio: ['ignore', 'pipe', 'inherit'] });
  if (child.stdout) await once(child.stdout, 'data');
  return child;
}

async function free(file: string, take: string): Promise<boolean> {
  const attempt = take.replace('flock($f, 2)', 'flock($f, 6)');
  const script = `open(my $f, "+>>", $ARGV[0]) or die $!; ${attempt}`;
  return (await runner.run({ file: 'perl', args: ['-e', script, file], deadlineMs: 5_000 })).exitCode === 0;
}

async function fakeCgroup(dir: string, pids: readonly number[]) {
  await writeFile(join(dir, 'cgroup.procs'), pids.join('\n'));
  return { version: 'v2', dirs: { unified: dir } } as const;
}
