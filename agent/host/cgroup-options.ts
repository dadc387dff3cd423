import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Runner } from '../effects/runner.ts';
import { hasCode, hostFailed, wordsOf } from './failure.ts';

const DEADLINE_MS = 5_000;

/** The whole of the host's cgroup2 hierarchy, as it is mounted. */
export interface Cgroup2Mount {
  readonly mountPoint: string;
  /** Of the hierarchy itself, without rw: `nsdelegate`, `memory_recursiveprot`, … */
  readonly options: readonly string[];
}

/** The first cgroup2 mount of a mountinfo text; none where there is no cgroup2. */
export function cgroup2Mount(mountinfo: string): Cgroup2Mount | undefined {
  for (const line of mountinfo.split('\n')) {
    const [left = '', right = ''] = line.split(' - ');
    const [type, , options = ''] = right.split(' ');
    if (type !== 'cgroup2') continue;
    const [, , , , mountPoint = ''] = left.split(' ');
    return { mountPoint, options: options.split(',').filter((option) => option !== 'rw' && option !== 'ro') };
  }
  return undefined;
}

/**
 * criu mounts cgroup2 for itself without any option, which takes the options from the hierarchy everywhere (criu#3029). The
 * first call since the machine started writes them into `file`, on tmpfs; later ones put back those that are gone. Returns
 * what was put back. @throws GodwitError HOST_FAILED (also where the kernel takes no such option from this cgroup namespace)
 */
export async function keepCgroupOptions(runner: Runner, file: string): Promise<string[]> {
  const mount = cgroup2Mount(await readFile('/proc/self/mountinfo', 'utf8'));
  if (!mount) return [];
  const wanted = await readFile(file, 'utf8').catch((error: unknown) => {
    if (!hasCode(error, 'ENOENT')) throw hostFailed(`reading ${file}`, error);
    return undefined;
  });
  if (wanted === undefined) {
    // An agent that starts for the first time has no run directory yet.
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(file, mount.options.join(','), { mode: 0o600 });
    return [];
  }
  const missing = ({ options }: Cgroup2Mount) =>
    wanted.split(',').filter((option) => option !== '' && !options.includes(option));
  const gone = missing(mount);
  if (gone.length === 0) return [];
  const args = ['-o', ['remount', ...mount.options, ...gone].join(','), mount.mountPoint];
  const result = await runner.run({ file: 'mount', args, deadlineMs: DEADLINE_MS });
  const action = "putting cgroup2's mount options back";
  if (result.exitCode !== 0) throw hostFailed(action, wordsOf(result));
  // Without an error the kernel ignores them outside of the machine's first cgroup namespace.
  const still = missing(cgroup2Mount(await readFile('/proc/self/mountinfo', 'utf8')) ?? mount);
  if (still.length > 0) throw hostFailed(action, `the kernel ignores ${still.join(',')}`);
  return gone;
}
