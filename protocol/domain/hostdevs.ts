import { attributesOf, childrenOf, offsetOf, plainText } from './element.ts';
import { type Problems, quote } from './problems.ts';
import type { DomainSpec, FilesystemSpec, HostdevSpec } from './spec.ts';
import type { XmlElement } from './tree.ts';
import { readChoice, readPath } from './values.ts';

const NODES = { storage: 'block', misc: 'char' } as const;
const NOWHERE = 'what is plugged into one node cannot be taken along to another';

/** Reads all `<hostdev>`s: device nodes of the host that each node has, given to the container under their own paths. */
export function readHostdevs(
  elements: readonly XmlElement[],
  filesystems: readonly FilesystemSpec[],
  problems: Problems,
): Pick<DomainSpec, 'hostdevs'> {
  const seen = new Set(filesystems.map(({ target }) => target));
  const hostdevs = elements.flatMap((element) => {
    const hostdev = readHostdev(element, problems);
    if (hostdev && seen.has(hostdev.path))
      problems.refuse(element.offset, `${quote(hostdev.path)} is given to the container twice`);
    if (hostdev) seen.add(hostdev.path);
    return hostdev ?? [];
  });
  return hostdevs.length === 0 ? {} : { hostdevs };
}

function readHostdev(element: XmlElement, problems: Problems): HostdevSpec | undefined {
  const { mode = 'subsystem', type } = attributesOf(
    element,
    { required: ['type'], optional: ['mode'] },
    problems,
  );
  if (mode !== 'capabilities') {
    problems.refuse(element.offset, `<hostdev> of mode ${quote(mode)} cannot be honoured: ${NOWHERE}`);
    return undefined;
  }
  if (type === 'net') {
    problems.refuse(offsetOf(element, 'type'), `a network card of the host cannot be honoured: ${NOWHERE}`);
    return undefined;
  }
  const kind = readChoice(
    type,
    ['misc', 'storage'],
    'the type of device',
    offsetOf(element, 'type'),
    problems,
  );
  const [source] = childrenOf(element, { source: 'one' }, problems).source;
  if (!source) {
    problems.refuse(element.offset, '<hostdev> needs <source>');
    return undefined;
  }
  attributesOf(source, {}, problems);
  const name = NODES[kind];
  const [node] = childrenOf(source, { [name]: 'one' } as Record<string, 'one'>, problems)[name] ?? [];
  if (!node) {
    problems.refuse(source.offset, `<source> needs <${name}>`);
    return undefined;
  }
  const path = readPath(plainText(node, problems), 'the device', node.offset, problems);
  if (!/^\/dev\/./.test(path)) problems.refuse(node.offset, `${quote(path)} is no device of the host's /dev`);
  return { type: kind, path };
}
