import type { DomainSpec } from '../../../protocol/mod.ts';
import { memberships } from '../../host/cgroup-paths.ts';
import { freezerDir } from '../../host/freeze.ts';
import type { DumpPlan } from '../runtime.ts';
import { groupLimits } from './group-limits.ts';
import { payloadOf, runningStatus } from './info.ts';
import { externalMounts } from './mounts.ts';
import { cutToPayload } from './names.ts';
import type { Lxc } from './tool.ts';

/** What liblxc itself passes to criu for every action (LXC 7.0, criu.c), so that its restore understands the images. */
const COMMON = [
  '--tcp-established',
  '--file-locks',
  '--link-remap',
  '--manage-cgroups=full',
  '--ext-mount-map',
  'auto',
  '--enable-external-sharing',
  '--enable-external-masters',
  '--enable-fs',
  'hugetlbfs',
  '--enable-fs',
  'tracefs',
] as const;

/**
 * Everything `criu dump` must be told about an LXC container. godwit calls criu itself: `lxc-checkpoint -s` cannot dump a
 * container that was itself restored ("Failed getting freezer path", LXC <= 7.0.0). @throws GodwitError CONTAINER_STATE
 */
export async function dumpPlanOf(options: Lxc, spec: DomainSpec): Promise<DumpPlan> {
  const { pid } = await runningStatus(options, spec.name);
  const [cgroup, groups] = await Promise.all([payloadOf(pid), memberships(pid)]);
  const roots = groups.flatMap(({ controllers, path }) => {
    const names = controllers.join(',');
    return ['--cgroup-root', `${names ? `${names}:` : ''}${cutToPayload(path)}`];
  });
  const binds = externalMounts(spec).flatMap((target) => {
    return ['--ext-mount-map', `/${target}:${target}`];
  });
  // Under this name LXC's restore mounts the new console; left to "auto", the node's terminal of the same number would be.
  const console = spec.console ? ['--ext-mount-map', '/dev/console:console'] : [];
  const freeze = ['--freeze-cgroup', freezerDir(cgroup)];
  const limits = await groupLimits(options, cgroup);
  return {
    initPid: pid,
    args: [
      ...COMMON,
      ...roots,
      ...binds,
      ...console,
      ...freeze,
      ...limits.args,
      '--skip-in-flight',
      '--force-irmap',
      '-t',
      String(pid),
    ],
    cgroup,
    limitFiles: limits.files,
  };
}
