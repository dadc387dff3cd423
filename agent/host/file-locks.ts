import { readdir, readFile } from 'node:fs/promises';
import type { Clock } from '../effects/clock.ts';
import type { Runner } from '../effects/runner.ts';
import type { CgroupPaths } from '../runtime/runtime.ts';
import { cgroupPids } from './cgroup-tree.ts';
import { hasCode, hostFailed, wordsOf } from './failure.ts';
import { freezerDir } from './freeze.ts';

const DEADLINE_MS = 10_000;
const RETAKE_PAUSE_MS = 50;

/**
 * Changes locks that belong to an open file description (flock, OFD) from outside, through duplicates of the tasks'
 * descriptors, which share it. 434 = pidfd_open, 438 = pidfd_getfd, 37 = F_OFD_SETLK. Arguments, in groups of six: pid,
 * descriptor, FLOCK or OFDLCK, WRITE, READ or UNLCK, first byte, number of bytes (0: to the end). Exit code 3: a lock
 * is held by somebody else.
 */
const SET_LOCKS = `
  my %flock = (READ => 1 | 4, WRITE => 2 | 4, UNLCK => 8);
  my %ofd = (READ => 0, WRITE => 1, UNLCK => 2);
  my $held = 0;
  while (my ($pid, $fd, $kind, $type, $start, $length) = splice(@ARGV, 0, 6)) {
    my $pidfd = syscall(434, $pid + 0, 0);
    die "process $pid: $!\\n" if $pidfd < 0;
    my $copy = syscall(438, $pidfd, $fd + 0, 0);
    die "descriptor $fd of $pid: $!\\n" if $copy < 0;
    open(my $file, "<&=", $copy) or die "descriptor $copy: $!\\n";
    my $range = pack("s s x4 q q i x4", $ofd{$type}, 0, $start, $length, 0);
    my $done = $kind eq "FLOCK"
      ? flock($file, $flock{$type})
      : fcntl($file, 37, $range);
    next if $done;
    die "lock at $fd of $pid: $!\\n" unless $!{EAGAIN} || $!{EACCES};
    $held = 1;
  }
  exit($held ? 3 : 0);`;

/** A lock of one open file description, as a descriptor of a task reaches it. */
export interface FileLock {
  readonly pid: number;
  readonly fd: number;
  readonly kind: 'FLOCK' | 'OFDLCK';
  readonly type: 'READ' | 'WRITE';
  readonly startByte: number;
  /** 0: to the end, however long the file gets. */
  readonly lengthBytes: number;
}

/** The flock and OFD locks of a container's frozen tasks. @throws GodwitError HOST_FAILED */
export async function findFileLocks(cgroup: CgroupPaths): Promise<FileLock[]> {
  const pids = await cgroupPids(freezerDir(cgroup));
  return (await Promise.all(pids.map(locksOf))).flat();
}

/**
 * Releases locks of frozen tasks; {@link retakeFileLocks} is the undo. On a shared file system they would keep the target's
 * restore, which takes them, waiting for as long as the source stands. @throws GodwitError HOST_FAILED
 */
export async function releaseFileLocks(runner: Runner, locks: readonly FileLock[]): Promise<void> {
  if (locks.length === 0) return;
  await setLocks(
    runner,
    locks.map((lock) => wordsFor(lock, 'UNLCK')),
  );
}

/**
 * Gives the tasks their locks back, before they run again. The target's copy may still be dying with them: waits up to
 * `patienceMs`; resolves with false when somebody else has one by then. @throws GodwitError HOST_FAILED
 */
export async function retakeFileLocks(
  options: { readonly runner: Runner; readonly clock: Clock; readonly patienceMs: number },
  locks: readonly FileLock[],
): Promise<boolean> {
  if (locks.length === 0) return true;
  const { runner, clock, patienceMs } = options;
  const untilMs = clock.monotonicMs() + patienceMs;
  while (
    !(await setLocks(
      runner,
      locks.map((lock) => wordsFor(lock, lock.type)),
    ))
  ) {
    if (clock.monotonicMs() >= untilMs) return false;
    await clock.sleep(RETAKE_PAUSE_MS);
  }
  return true;
}

/** The flock and OFD locks in one fdinfo text; process locks (POSIX) belong to nobody's descriptor. */
export function parseLocks(pid: number, fd: number, fdinfo: string): FileLock[] {
  const lines = fdinfo.matchAll(
    /^lock:\s*\d+: (FLOCK|OFDLCK)\s+\S+\s+(READ|WRITE)\s+\S+\s+\S+ (\d+) (\d+|EOF)$/gm,
  );
  return [...lines].map(([, kind, type, first, last]) => {
    const startByte = Number(first);
    const lengthBytes = last === 'EOF' ? 0 : Number(last) - startByte + 1;
    return {
      pid,
      fd,
      kind: kind as FileLock['kind'],
      type: type as FileLock['type'],
      startByte,
      lengthBytes,
    };
  });
}

async function locksOf(pid: number): Promise<FileLock[]> {
  const dir = `/proc/${pid}/fdinfo`;
  try {
    const fds = await readdir(dir);
    const texts = await Promise.all(fds.map((fd) => readFile(`${dir}/${fd}`, 'utf8')));
    return texts.flatMap((text, index) => parseLocks(pid, Number(fds[index]), text));
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return [];
    throw hostFailed(`reading the locks of process ${pid}`, error);
  }
}

function wordsFor(lock: FileLock, type: 'READ' | 'WRITE' | 'UNLCK'): string[] {
  return [lock.pid, lock.fd, lock.kind, type, lock.startByte, lock.lengthBytes].map(String);
}

/** False when one of them is held by somebody else. */
async function setLocks(runner: Runner, words: readonly string[][]): Promise<boolean> {
  const result = await runner.run({
    file: 'perl',
    args: ['-MErrno', '-e', SET_LOCKS, ...words.flat()],
    deadlineMs: DEADLINE_MS,
  });
  if (result.exitCode === 0) return true;
  if (result.exitCode === 3) return false;
  throw hostFailed('changing the file locks of the container', wordsOf(result));
}
