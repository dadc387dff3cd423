import {
  type Capabilities,
  type DomainSpec,
  type Mode,
  pagesFollowIn,
  type Refusal,
} from '../../protocol/mod.ts';
import { refuse } from './catalogue.ts';
import { compareVersions, knownBroken, pageServerHeaderBytes, versionOf } from './versions.ts';

const OLDEST_KERNEL = '5.10';
/** cgroup.kill, without which a frozen container of cgroup v2 cannot be ended. */
const OLDEST_KERNEL_V2 = '5.14';
const OLDEST_CRIU = '4.1';

/** Both rsyncs of a copy understand the same fixed options from here on. */
const OLDEST_RSYNC = '3.2.7';

/** Whether tasks without CAP_SYS_PTRACE may open a userfaultfd; godwit's own name. */
export const UNPRIVILEGED_UFFD = 'uffd-unprivileged';

/** Features of CRIU's own naming (`criu check --feature`) that a mode needs at each end. */
export const MODE_FEATURES: Readonly<Record<Mode, Readonly<Record<'source' | 'target', readonly string[]>>>> =
  {
    cold: { source: [], target: [] },
    precopy: { source: ['mem_dirty_track'], target: [] },
    postcopy: { source: [], target: ['uffd-noncoop'] },
    hybrid: { source: ['mem_dirty_track'], target: ['uffd-noncoop'] },
  };

/** What a kernel needs for a feature, for people. */
export const FEATURE_CURES: Readonly<Record<string, string>> = {
  mem_dirty_track:
    'Tracking changed memory needs a kernel with CONFIG_MEM_SOFT_DIRTY (those of Debian, Ubuntu and Fedora have it).',
  'uffd-noncoop': 'Fetching pages later needs a kernel with CONFIG_USERFAULTFD.',
  [UNPRIVILEGED_UFFD]:
    'Fetching pages later for a container with mapped users needs sysctl vm.unprivileged_userfaultfd=1.',
};

/** Features of `mode` that this end lacks; with mapped users the container's tasks open their userfaultfd without privileges. */
export function missingFeatures(
  end: 'source' | 'target',
  mode: Mode,
  features: Capabilities['features'],
  { idmap }: Pick<DomainSpec, 'idmap'>,
): string[] {
  const mapped = idmap && end === 'target' && pagesFollowIn(mode) ? [UNPRIVILEGED_UFFD] : [];
  return [...MODE_FEATURES[mode][end], ...mapped].filter((feature) => features[feature] !== true);
}

/** Features a mode needs and this end lacks, as refusals. */
export function featureRefusals(
  node: string,
  end: 'source' | 'target',
  mode: Mode,
  features: Capabilities['features'],
  spec: Pick<DomainSpec, 'idmap'>,
): Refusal[] {
  const missing = missingFeatures(end, mode, features, spec);
  return missing.length > 0 ? [refuse('FEATURE_MISSING', node, `${mode} needs ${missing.join(', ')}`)] : [];
}

/** What is wrong with a node's rsync, which copies root file systems. */
export function rsyncRefusals(node: string, rsync: string | undefined): Refusal[] {
  if (rsync === undefined) return [refuse('RSYNC_MISSING', node)];
  return compareVersions(rsync, OLDEST_RSYNC) < 0
    ? [refuse('RSYNC_TOO_OLD', node, `${rsync}, godwit needs ${OLDEST_RSYNC}`)]
    : [];
}

/** What is wrong with one node's own kernel, criu and LXC, whoever the peer is. */
export function softwareRefusals(node: string, own: Capabilities): Refusal[] {
  const found: Refusal[] = [];
  const oldest = own.cgroup === 'v2' ? OLDEST_KERNEL_V2 : OLDEST_KERNEL;
  if (compareVersions(own.kernel, oldest, 2) < 0)
    found.push(refuse('KERNEL_TOO_OLD', node, `${own.kernel}, godwit needs ${oldest}`));
  if (versionOf(own.criu).length === 0) found.push(refuse('CRIU_MISSING', node));
  else {
    const broken = knownBroken(own.criu, own.kernel);
    if (broken)
      found.push(refuse('CRIU_KERNEL_BROKEN', node, `criu ${own.criu} on ${own.kernel}: ${broken}`));
    if (compareVersions(own.criu, OLDEST_CRIU, 2) < 0)
      found.push(refuse('CRIU_TOO_OLD', node, `${own.criu}, godwit needs ${OLDEST_CRIU}`));
  }
  if (versionOf(own.lxc).length === 0) found.push(refuse('LXC_MISSING', node));
  return found;
}

/** What does not fit between the two ends; `node` is the target, which compares. */
export function compatibilityRefusals(node: string, source: Capabilities, target: Capabilities): Refusal[] {
  const found: Refusal[] = [];
  const versions = (kind: 'kernel' | 'criu' | 'lxc') => `${target[kind]} here, ${source[kind]} at the source`;
  if (source.arch !== target.arch)
    found.push(refuse('ARCH_DIFFERS', node, `${target.arch} here, ${source.arch} at the source`));
  if (source.cgroup !== target.cgroup)
    found.push(refuse('CGROUP_DIFFERS', node, `${target.cgroup} here, ${source.cgroup} at the source`));
  if (compareVersions(target.kernel, source.kernel, 2) < 0)
    found.push(refuse('KERNEL_OLDER', node, versions('kernel')));
  if (versionOf(source.criu).length > 0 && versionOf(target.criu).length > 0) {
    if (pageServerHeaderBytes(source.criu) !== pageServerHeaderBytes(target.criu))
      found.push(refuse('CRIU_WIRE_DIFFERS', node, versions('criu')));
    else if (compareVersions(target.criu, source.criu, 2) < 0)
      found.push(refuse('CRIU_OLDER', node, versions('criu')));
  }
  if (versionOf(source.lxc).length > 0 && versionOf(target.lxc).length > 0)
    if (compareVersions(target.lxc, source.lxc, 1) < 0)
      found.push(refuse('LXC_OLDER', node, versions('lxc')));
  return found;
}
