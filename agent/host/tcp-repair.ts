import type { Runner } from '../effects/runner.ts';
import type { CgroupPaths } from '../runtime/runtime.ts';
import { cgroupPids } from './cgroup-tree.ts';
import { hostFailed, wordsOf } from './failure.ts';
import { freezerDir } from './freeze.ts';

const DEADLINE_MS = 10_000;

/**
 * Takes TCP sockets out of repair mode, from outside, through duplicates of the tasks' descriptors: Node has no such
 * system calls, perl-base is on every Debian. Arguments: pids. 434 = pidfd_open, 438 = pidfd_getfd (the same on all
 * architectures), 6 = SOL_TCP, 19 = TCP_REPAIR. Turning it off makes the kernel probe the peer, which wakes it up.
 */
const REPAIR_OFF = `
  my $count = 0;
  for my $pid (@ARGV) {
    my $pidfd = syscall(434, $pid + 0, 0);
    next if $pidfd < 0;
    opendir(my $dir, "/proc/$pid/fd") or next;
    for my $number (grep { (readlink("/proc/$pid/fd/$_") // "") =~ /^socket:/ } readdir $dir) {
      my $copy = syscall(438, $pidfd, $number + 0, 0);
      next if $copy < 0;
      open(my $socket, "+<&=", $copy) or die "descriptor $copy: $!\\n";
      my $mode = getsockopt($socket, 6, 19);
      next unless defined $mode && unpack("i", $mode) == 1;
      setsockopt($socket, 6, 19, pack("i", 0)) or die "socket $number of $pid: $!\\n";
      $count++;
    }
  }
  print $count;`;

/**
 * Gives a container its established TCP connections back after a criu that was killed: it had put them into repair mode
 * for the dump, where they are deaf and dumb for ever. Call it while the tasks are still frozen and the network is open
 * again. Resolves with the number of connections. @throws GodwitError HOST_FAILED
 */
export async function endTcpRepair(runner: Runner, cgroup: CgroupPaths): Promise<number> {
  const pids = await cgroupPids(freezerDir(cgroup));
  if (pids.length === 0) return 0;
  const args = ['-e', REPAIR_OFF, ...pids.map(String)];
  const result = await runner.run({ file: 'perl', args, deadlineMs: DEADLINE_MS });
  if (result.exitCode !== 0) throw hostFailed('ending TCP repair mode', wordsOf(result));
  return Number(result.stdout);
}
