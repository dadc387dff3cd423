import { attributesOf, checkEmpty, childrenOf, offsetOf } from './element.ts';
import { type Problems, quote } from './problems.ts';
import type { DirectorySpec, DomainSpec, FilesystemSpec } from './spec.ts';
import type { XmlElement } from './tree.ts';
import { readBytes, readChoice, readPath } from './values.ts';

const CHILDREN = { source: 'one', target: 'one', readonly: 'one', driver: 'one' } as const;
const NO_ROOT: DirectorySpec = { type: 'mount', source: '/', target: '/', readonly: false };
/** Types of libvirt's that would be mounted on one node after the other, or on both at once. */
const IMAGES = 'mount the image or device on each node and give its directory as type mount';

/** Reads all `<filesystem>`s; exactly one of them is the root. */
export function readFilesystems(
  devices: XmlElement | undefined,
  elements: readonly XmlElement[],
  problems: Problems,
): Pick<DomainSpec, 'root' | 'filesystems'> {
  const seen = new Set<string>();
  const all = elements.map((element) => {
    const filesystem = readFilesystem(element, problems);
    const { target } = filesystem;
    if (target !== '' && seen.has(target))
      problems.refuse(element.offset, `a second <filesystem> for the target ${quote(target)}`);
    seen.add(target);
    return target === '/' ? checkRoot(element, filesystem, problems) : filesystem;
  });
  const roots = all.filter((filesystem) => filesystem.target === '/');
  const [root = NO_ROOT] = roots as DirectorySpec[];
  if (devices && roots.length === 0)
    problems.refuse(devices.offset, '<devices> needs a <filesystem> with the target "/"');
  return { root, filesystems: all.filter((filesystem) => filesystem.target !== '/') };
}

function readFilesystem(element: XmlElement, problems: Problems): FilesystemSpec {
  const values = attributesOf(element, { optional: ['type', 'accessmode'] }, problems);
  const at = offsetOf(element, 'type');
  if (values.accessmode !== undefined)
    readChoice(
      values.accessmode,
      ['passthrough'],
      'the access mode',
      offsetOf(element, 'accessmode'),
      problems,
    );
  const type = values.type ?? 'mount';
  const children = childrenOf(element, CHILDREN, problems);
  if (type === 'file' || type === 'block') {
    problems.refuse(at, `a <filesystem> of type ${type} cannot be honoured: ${IMAGES}`);
    return { ...NOT_THERE, target: children.target[0] ? readDirectory(children.target[0], problems) : '' };
  }
  for (const driver of children.driver) checkDriver(driver, problems);
  for (const mark of children.readonly) {
    attributesOf(mark, {}, problems);
    checkEmpty(mark, problems);
  }
  const kind = readChoice(type, ['mount', 'bind', 'ram'], 'the file system type', at, problems);
  const [target] = children.target;
  if (!target) problems.refuse(element.offset, '<filesystem> needs <target dir="…">');
  const common = {
    target: target ? readDirectory(target, problems) : '',
    readonly: children.readonly.length > 0,
  };
  const [source] = children.source;
  if (!source)
    problems.refuse(element.offset, `<filesystem> needs <source ${kind === 'ram' ? 'usage' : 'dir'}="…">`);
  if (kind === 'ram') return { type: kind, bytes: source ? readUsage(source, problems) : 1, ...common };
  return { type: kind, source: source ? readDirectory(source, problems) : '', ...common };
}

/** Stands in for a refused one. */
const NOT_THERE: FilesystemSpec = { type: 'mount', source: '', target: '', readonly: false };

/** libvirt writes `<driver type='path'/>` for what needs none. */
function checkDriver(element: XmlElement, problems: Problems): void {
  const values = attributesOf(element, { optional: ['type', 'wrpolicy', 'format'] }, problems);
  checkEmpty(element, problems);
  const at = (name: string) => offsetOf(element, name);
  readChoice(values.type ?? 'path', ['path'], 'the driver', at('type'), problems);
  for (const name of ['wrpolicy', 'format'] as const)
    if (values[name] !== undefined)
      problems.refuse(
        at(name),
        `the ${name} ${quote(values[name])} cannot be honoured: a directory has none`,
      );
}

function readDirectory(element: XmlElement, problems: Problems): string {
  const { dir } = attributesOf(element, { required: ['dir'] }, problems);
  checkEmpty(element, problems);
  if (!element.attributes.some((attribute) => attribute.name === 'dir')) return '';
  return readPath(dir, `the ${element.name} directory`, offsetOf(element, 'dir'), problems);
}

function readUsage(element: XmlElement, problems: Problems): number {
  const { usage, units } = attributesOf(element, { required: ['usage'], optional: ['units'] }, problems);
  checkEmpty(element, problems);
  if (usage === '') return 1;
  return readBytes(usage, units, 'the usage', offsetOf(element, 'usage'), problems);
}

function checkRoot(element: XmlElement, root: FilesystemSpec, problems: Problems): FilesystemSpec {
  if (root.type !== 'mount') {
    problems.refuse(offsetOf(element, 'type'), 'the root file system must be of type mount');
    return NO_ROOT;
  }
  if (root.source === '/')
    problems.refuse(element.offset, "the host's own root cannot be the root of a container");
  if (root.readonly) {
    const mark = element.children.find(({ name }) => name === 'readonly') ?? element;
    problems.refuse(
      mark.offset,
      '<readonly> of the root cannot be honoured: LXC cannot restore such a container; make its directories read-only',
    );
  }
  return root;
}
