import { attributesOf, checkEmpty, childrenOf, offsetOf } from './element.ts';
import { type Problems, quote } from './problems.ts';
import type { DomainSpec, FilesystemSpec } from './spec.ts';
import type { XmlElement } from './tree.ts';
import { readChoice, readPath } from './values.ts';

const CHILDREN = { source: 'one', target: 'one', readonly: 'one' } as const;
const NO_ROOT: FilesystemSpec = { type: 'mount', source: '/', target: '/', readonly: false };

/** Reads all `<filesystem>`s; exactly one of them is the root. */
export function readFilesystems(
  devices: XmlElement | undefined,
  elements: readonly XmlElement[],
  problems: Problems,
): Pick<DomainSpec, 'root' | 'filesystems'> {
  const seen = new Set<string>();
  const all = elements.map((element) => {
    const filesystem = readFilesystem(element, problems);
    if (seen.has(filesystem.target))
      problems.refuse(element.offset, `a second <filesystem> for the target ${quote(filesystem.target)}`);
    seen.add(filesystem.target);
    if (filesystem.target === '/') checkRoot(element, filesystem, problems);
    return filesystem;
  });
  const root = all.find(({ target }) => target === '/');
  if (devices && !root) problems.refuse(devices.offset, '<devices> needs a <filesystem> with the target "/"');
  return { root: root ?? NO_ROOT, filesystems: all.filter((filesystem) => filesystem !== root) };
}

function readFilesystem(element: XmlElement, problems: Problems): FilesystemSpec {
  const { type, accessmode } = attributesOf(element, { optional: ['type', 'accessmode'] }, problems);
  if (accessmode !== undefined)
    readChoice(accessmode, ['passthrough'], 'the access mode', offsetOf(element, 'accessmode'), problems);
  const children = childrenOf(element, CHILDREN, problems);
  for (const mark of children.readonly) {
    attributesOf(mark, {}, problems);
    checkEmpty(mark, problems);
  }
  const directory = (name: 'source' | 'target'): string => {
    const [child] = children[name];
    if (!child) {
      problems.refuse(element.offset, `<filesystem> needs <${name} dir="…">`);
      return '';
    }
    const { dir } = attributesOf(child, { required: ['dir'] }, problems);
    checkEmpty(child, problems);
    if (!child.attributes.some((attribute) => attribute.name === 'dir')) return '';
    return readPath(dir, `the ${name} directory`, offsetOf(child, 'dir'), problems);
  };
  return {
    type: readChoice(
      type ?? 'mount',
      ['mount', 'bind'],
      'the file system type',
      offsetOf(element, 'type'),
      problems,
    ),
    source: directory('source'),
    target: directory('target'),
    readonly: children.readonly.length > 0,
  };
}

function checkRoot(element: XmlElement, root: FilesystemSpec, problems: Problems): void {
  if (root.type === 'bind')
    problems.refuse(offsetOf(element, 'type'), 'the root file system must be of type mount');
  if (root.source === '/')
    problems.refuse(element.offset, "the host's own root cannot be the root of a container");
}
