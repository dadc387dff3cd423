import type { XmlElement } from './tree.ts';

/** The children of `<domain>` that godwit knows. */
export const DOMAIN_CHILDREN = {
  name: 'one',
  uuid: 'one',
  title: 'one',
  description: 'one',
  metadata: 'one',
  memory: 'one',
  currentMemory: 'one',
  memtune: 'one',
  vcpu: 'one',
  cputune: 'one',
  numatune: 'one',
  blkiotune: 'one',
  resource: 'one',
  idmap: 'one',
  seclabel: 'one',
  os: 'one',
  features: 'one',
  clock: 'one',
  on_poweroff: 'one',
  on_reboot: 'one',
  on_crash: 'one',
  devices: 'one',
} as const;

/** The elements found, by name. */
export type DomainChildren = Readonly<Record<keyof typeof DOMAIN_CHILDREN, readonly XmlElement[]>>;
