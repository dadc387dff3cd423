import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Runner } from '../effects/runner.ts';
import { freezeFile } from '../host/freeze.ts';
import type { CgroupPaths } from '../runtime/runtime.ts';

/** Keeps faults of a container from being answered by nobody. */
export interface FaultHolder {
  /** This is the container. */
  guard(cgroup: CgroupPaths): void;
  /** Every page is where it belongs, or the container is dead. */
  release(): Promise<void>;
}

/**
 * Keeps duplicates of the userfaultfds of criu's lazy-pages daemon. When the daemon dies before its work is done, the kernel
 * would close them, and tasks would find zeros where pages are missing; with a duplicate they wait, for ever. If the pager
 * has died as well, nobody else is left to freeze the container.
 *
 * Perl, for Node has no such system calls and perl-base is on every Debian: 434 = pidfd_open, 438 = pidfd_getfd (the same
 * on all architectures). Arguments: the daemon's pid, and a file with what to write where to freeze the container. A
 * duplicate must go soon after the daemon has closed its own, or a task whose memory is complete waits at its next new page.
 */
const HOLDER = String.raw`
  use strict; use warnings;
  my ($daemon, $guard) = @ARGV;
  my $pager = getppid();
  my $pidfd = syscall(434, $daemon + 0, 0);
  my (%held, $frozen);
  while (1) {
    my ($alive, %seen) = 0;
    opendir(my $dir, "/proc/$daemon/fd");
    for my $number ($dir ? readdir $dir : ()) {
      my $link = readlink("/proc/$daemon/fd/$number") // next;
      $alive = 1;
      next unless $link eq 'anon_inode:[userfaultfd]';
      $seen{$number} = 1;
      next if $held{$number};
      my $copy = syscall(438, $pidfd, $number + 0, 0);
      open($held{$number}, '+<&=', $copy) if $copy >= 0;
    }
    if ($alive) { delete @held{grep { !$seen{$_} } keys %held} }
    elsif (getppid() != $pager && %held && !$frozen && open(my $words, '<', $guard)) {
      my ($file, $value) = split /[\n]/, do { local $/; <$words> };
      if (open(my $freezer, '+<', $file)) { $frozen = syswrite($freezer, $value) }
    }
    select(undef, undef, undef, $alive ? 0.02 : 0.5);
  }
`;

/** Starts the holder for one daemon; it outlives this process. */
export function holdFaults(
  runner: Runner,
  { daemon, dir }: { readonly daemon: number; readonly dir: string },
): FaultHolder {
  const file = join(dir, 'guard');
  const { kill, ended } = runner.start({
    file: 'perl',
    args: ['-e', HOLDER, String(daemon), file],
    deadlineMs: Number.POSITIVE_INFINITY,
    detached: true,
    silent: true,
  });
  return {
    guard: (cgroup) => {
      const { file: freezer, value } = freezeFile(cgroup);
      writeFileSync(`${file}.new`, `${freezer}\n${value}\n`, { mode: 0o600 });
      renameSync(`${file}.new`, file);
    },
    release: async () => {
      kill('SIGKILL');
      await ended;
    },
  };
}
