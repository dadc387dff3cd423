import { LIMITS } from '../limits.ts';
import { checkConsole, checkEmulator } from './confirmed.ts';
import { attributesOf, childrenOf } from './element.ts';
import { readFilesystems } from './filesystems.ts';
import { readHostdevs } from './hostdevs.ts';
import { readInterfaces } from './interfaces.ts';
import type { Problems } from './problems.ts';
import type { DomainSpec } from './spec.ts';
import type { XmlElement } from './tree.ts';

const CHILDREN = {
  emulator: 'one',
  filesystem: 'many',
  interface: 'many',
  console: 'one',
  hostdev: 'many',
} as const;
const NONE: XmlElement = {
  name: 'devices',
  tag: 'devices',
  offset: 0,
  attributes: [],
  children: [],
  text: '',
  content: [],
  namespaces: new Map(),
};

/** Reads `<devices>`: file systems, of which the root is a must, interfaces and the console. */
export function readDevices(
  domain: XmlElement,
  devices: XmlElement | undefined,
  uuid: string,
  problems: Problems,
): Pick<DomainSpec, 'root' | 'filesystems' | 'interfaces' | 'console' | 'hostdevs'> {
  if (!devices) problems.refuse(domain.offset, '<domain> needs <devices> with the root file system');
  const element = devices ?? NONE;
  attributesOf(element, {}, problems);
  const children = childrenOf(element, CHILDREN, problems);
  for (const emulator of children.emulator) checkEmulator(emulator, problems);
  for (const console of children.console) checkConsole(console, problems);
  for (const [list, limit] of [
    [children.filesystem, LIMITS.filesystems],
    [children.interface, LIMITS.interfaces],
    [children.hostdev, LIMITS.hostdevs],
  ] as const) {
    const extra = list[limit];
    if (extra) problems.refuse(extra.offset, `more than ${limit} <${extra.tag}> elements`);
  }
  const filesystems = readFilesystems(devices, children.filesystem, problems);
  return {
    ...filesystems,
    ...readHostdevs(children.hostdev, filesystems.filesystems, problems),
    interfaces: readInterfaces(children.interface, uuid, problems),
    console: children.console.length > 0,
  };
}
