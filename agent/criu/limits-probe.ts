import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Runner } from '../effects/runner.ts';

const PROBE_MS = 10_000;

/** Becomes nobody, says so on file descriptor 3, and waits with nothing open. */
const NOBODY = String.raw`
use POSIX ();
$) = '65534 65534'; $( = 65534; POSIX::setuid(65534) or exit 1;
chdir '/';
open(my $events, '>&=', 3) or exit 1;
syswrite($events, "ready\n");
close $events; POSIX::close(3);
sleep 60;
`;

/**
 * Whether criu can dump a process of another user, tried out: without CAP_SYS_RESOURCE the kernel refuses to tell it the
 * limits of one ("Can't get rlimit 0"), and by its version or the kernel's nobody can tell.
 */
export async function triesOtherUser(runner: Runner, criu: string, runDir: string): Promise<boolean> {
  await mkdir(runDir, { recursive: true, mode: 0o700 });
  const dir = await mkdtemp(join(runDir, 'limits-'));
  const nobody = runner.start({
    file: 'perl',
    args: ['-e', NOBODY],
    deadlineMs: PROBE_MS,
    detached: true,
    silent: true,
    statusFd: true,
  });
  try {
    const ready = new Promise<boolean>((resolve) => {
      nobody.status?.once('data', () => resolve(true));
      void nobody.ended.then(() => resolve(false));
    });
    if (!(await ready)) return false;
    const dumped = await runner.run({
      file: criu,
      args: ['dump', '-t', String(nobody.pid), '-D', dir, '-o', 'dump.log', '--manage-cgroups=ignore'],
      deadlineMs: PROBE_MS,
      silent: true,
    });
    return dumped.exitCode === 0;
  } finally {
    nobody.kill('SIGKILL');
    await nobody.ended;
    await rm(dir, { recursive: true, force: true });
  }
}
