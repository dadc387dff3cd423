import { readFileSync, statfsSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { type Check, failed, ok, warning } from './check.ts';

/** Where the doctor looks; tests point it at files of their own. */
export interface HostPaths {
  readonly proc: string;
  readonly run: string;
}

const TMPFS_MAGIC = 0x0102_1994;
const PIPE_BYTES = 64 * 1024 * 1024;

/** What the kernel and its mounts must offer. */
export function hostChecks({ proc, run }: HostPaths): Check[] {
  return [
    {
      name: 'root',
      look: () =>
        process.getuid?.() === 0
          ? ok('the agent runs as root')
          : failed(
              'the agent does not run as root',
              'CRIU and LXC need root: start the agent as a system service.',
            ),
    },
    { name: 'kernel', look: () => ok(`Linux ${release()}`) },
    {
      name: 'run-tmpfs',
      look: () =>
        statfsSync(run).type === TMPFS_MAGIC
          ? ok(`${run} is a tmpfs`)
          : warning(
              `${run} is not a tmpfs`,
              'CRIU then probes the kernel anew at every start (20-50 ms each): mount a tmpfs there.',
            ),
    },
    {
      name: 'pipe-size',
      look: () => {
        const bytes = Number(readFileSync(join(proc, 'sys/fs/pipe-max-size'), 'utf8'));
        return bytes >= PIPE_BYTES
          ? ok(`fs.pipe-max-size is ${bytes}`)
          : warning(
              `fs.pipe-max-size is only ${bytes}`,
              `Post-copy of a large container fails without CAP_SYS_RESOURCE: \`sysctl -w fs.pipe-max-size=${PIPE_BYTES}\`.`,
            );
      },
    },
    { name: 'cgroup', look: () => lookAtCgroups(join(proc, 'self/mounts')) },
  ];
}

/** lxc-checkpoint up to LXC 7.0.0 crashes where cgroup2 is mounted beside cgroup v1 but passes no controller on. */
function lookAtCgroups(mounts: string) {
  const entries = readFileSync(mounts, 'utf8')
    .split('\n')
    .map((line) => line.split(' '));
  const v1 = entries.filter(([, , type]) => type === 'cgroup');
  const v2 = entries.find(([, , type]) => type === 'cgroup2')?.[1];
  if (v1.length > 0 && !v1.some(([, , , options = '']) => options.split(',').includes('freezer'))) {
    return failed(
      'the freezer cgroup is not mounted',
      'Mount it: `mount -t cgroup -o freezer cgroup /sys/fs/cgroup/freezer`.',
    );
  }
  if (v2 === undefined) {
    return v1.length > 0
      ? ok('cgroup v1')
      : failed('no cgroup hierarchy is mounted', 'Mount one: `mount -t cgroup2 cgroup2 /sys/fs/cgroup`.');
  }
  const passedOn = readFileSync(join(v2, 'cgroup.subtree_control'), 'utf8').trim();
  if (passedOn === '') {
    return failed(
      `cgroup2 is mounted on ${v2} but passes no controller on`,
      `lxc-checkpoint crashes there ("double free"): \`echo +hugetlb > ${v2}/cgroup.subtree_control\`.`,
    );
  }
  return ok(v1.length > 0 ? `cgroup v1, with cgroup2 for ${passedOn}` : `cgroup v2 (${passedOn})`);
}
