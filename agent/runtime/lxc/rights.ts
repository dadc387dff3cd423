import type { CapabilitiesSpec, DomainSpec, IdRange } from '../../../protocol/mod.ts';
import { type Line, matching } from './line.ts';

/** Capabilities libvirt takes from its containers, too; unlike device cgroups they survive a restore. */
const DROPPED = ['audit_control', 'mac_admin', 'mknod', 'sys_module', 'sys_time'];

/** The container's capabilities, as LXC drops or keeps them. */
export function capabilityLine(capabilities: CapabilitiesSpec | undefined): Line[] {
  const { policy, on, off } = capabilities ?? { policy: 'default', on: [], off: [] };
  const names = (list: readonly string[]) => list.map((name) => matching(name, /^[a-z_]+$/, 'capability'));
  // LXC's own word for an empty list of kept ones.
  if (policy === 'deny') return [['lxc.cap.keep', names(on).join(' ') || 'none']];
  const dropped = policy === 'allow' ? off : [...DROPPED.filter((name) => !on.includes(name)), ...off];
  return dropped.length === 0 ? [] : [['lxc.cap.drop', [...new Set(names(dropped))].join(' ')]];
}

/** `lxc.idmap`, one line a range. */
export function idmapLines({ idmap }: Pick<DomainSpec, 'idmap'>): Line[] {
  const lines = (kind: 'u' | 'g', ranges: readonly IdRange[]) =>
    ranges.map(({ start, target, count }): Line => ['lxc.idmap', `${kind} ${start} ${target} ${count}`]);
  return idmap ? [...lines('u', idmap.uid), ...lines('g', idmap.gid)] : [];
}

/**
 * The security label. With a line for AppArmor but without AppArmor in the kernel, criu refuses the restore ("apparmor
 * LSM specified but not supported").
 */
export function labelLines({ seclabel }: Pick<DomainSpec, 'seclabel'>, appArmor: boolean): Line[] {
  if (seclabel?.model === 'selinux') return [['lxc.selinux.context', seclabel.label]];
  const profile = seclabel?.model === 'apparmor' ? seclabel.label : 'unconfined';
  return appArmor ? [['lxc.apparmor.profile', profile]] : [];
}
