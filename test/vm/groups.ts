import { existsSync } from 'node:fs';
import type { Lab } from '../e2e/support/lab.ts';

/** Whether this machine has cgroup v2 alone, whose limits criu must be told of. */
export const PURE_V2 = existsSync('/sys/fs/cgroup/cgroup.controllers');

/** Sets `below` to the group of a container that `makeGroups` made. */
const findBelow = (name: string) =>
  `below=/sys/fs/cgroup$(sed -n 's,^0::,,p' /proc/$(lxc-info -n ${name} -pH)/cgroup | sed 's,/inner.*,,')/inner`;

/** Moves all of a container into a group `inner` of its own, as systemd does it, and gives that and one below it limits. */
export async function makeGroups(lab: Lab, node: string, name: string): Promise<void> {
  await lab.sh(
    node,
    `set -e
     ${findBelow(name)}
     mkdir -p $below/deep
     # As a whole: no group with controllers for others may have tasks.
     for pid in $(cat \${below%/inner}/cgroup.procs); do echo $pid >$below/deep/cgroup.procs; done
     echo +memory +pids +cpu >\${below%/inner}/cgroup.subtree_control
     echo +memory +pids >$below/cgroup.subtree_control
     echo 400000000 >$below/memory.max
     echo 300000000 >$below/deep/memory.high
     echo 8192 >$below/deep/memory.low
     echo 1 >$below/deep/memory.oom.group
     echo 70 >$below/pids.max
     echo 60 >$below/deep/pids.max
     echo 90000 50000 >$below/cpu.max
     echo 150 >$below/cpu.weight`,
  );
}

/** Every limit of those groups, one line a file. */
export function groupLimits(lab: Lab, node: string, name: string): Promise<string> {
  return lab.sh(
    node,
    `${findBelow(name)}
     grep -H . $below/pids.* $below/memory.*[hwnx] $below/cpu.[mw]* $below/deep/memory.*[hwnpx] $below/deep/pids.max |
       grep -E '(max|high|low|min|weight|group):' | sed "s,^$below,inner,"`,
  );
}
