import { LIMITS } from '../limits.ts';
import { attributesOf, childrenOf, offsetOf, plainText, textOf } from './element.ts';
import { type Problems, quote } from './problems.ts';
import type { DomainSpec, OsSpec } from './spec.ts';
import type { XmlElement } from './tree.ts';
import { readChoice, readLine, readPath } from './values.ts';

/** Architectures that both LXC and libvirt name; the values are libvirt's. */
export const ARCHITECTURES = [
  'x86_64',
  'i686',
  'aarch64',
  'armv7l',
  'ppc64',
  'ppc64le',
  'riscv64',
  's390x',
] as const;
const DEFAULT_INIT = '/sbin/init';
/** The larger one means "nobody" to the kernel. */
const LARGEST_ID = 4_294_967_294;
const OWNER = /^(\+?\d{1,10}|[a-zA-Z_][a-zA-Z0-9_-]{0,31})$/;
const VARIABLE = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/** Reads what is started in the container. */
export function readOs(
  domain: XmlElement,
  os: XmlElement | undefined,
  problems: Problems,
): Pick<DomainSpec, 'arch' | 'os'> {
  if (!os) {
    problems.refuse(domain.offset, '<domain> needs <os>');
    return { os: { init: DEFAULT_INIT, initArgs: [], initEnv: [] } };
  }
  attributesOf(os, {}, problems);
  const children = childrenOf(
    os,
    {
      type: 'one',
      init: 'one',
      initarg: 'many',
      initenv: 'many',
      initdir: 'one',
      inituser: 'one',
      initgroup: 'one',
    },
    problems,
  );
  const [type] = children.type;
  if (!type) problems.refuse(os.offset, '<os> needs <type>');
  const arch = type && readType(type, problems);
  const path = (element: XmlElement) =>
    readPath(plainText(element, problems), `<${element.tag}>`, element.offset, problems);
  const init = children.init.map(path)[0] ?? DEFAULT_INIT;
  if (init === '/') problems.refuse(children.init[0]?.offset ?? os.offset, '<init> "/" is not a program');
  const [initDir] = children.initdir.map(path);
  for (const values of [children.initarg, children.initenv]) checkCount(values, problems);
  return {
    ...(arch === undefined ? {} : { arch }),
    os: {
      init,
      initArgs: children.initarg.map((element) => readValue(element, plainText(element, problems), problems)),
      initEnv: readEnvironment(children.initenv, problems),
      ...(initDir === undefined ? {} : { initDir }),
      ...readInitUser(children.inituser[0], children.initgroup[0], problems),
    },
  };
}

/** libvirt's schema has them only together. */
function readInitUser(
  user: XmlElement | undefined,
  group: XmlElement | undefined,
  problems: Problems,
): Pick<OsSpec, 'initUser'> {
  const one = user ?? group;
  if (!user || !group) {
    const missing = user ? 'initgroup' : 'inituser';
    if (one) problems.refuse(one.offset, `<${one.tag}> needs <${missing}> beside it`);
    return {};
  }
  return { initUser: { user: readOwner(user, problems), group: readOwner(group, problems) } };
}

/** A number (libvirt's `+1000` is one, too) or a name. */
function readOwner(element: XmlElement, problems: Problems): string {
  const text = plainText(element, problems).trim();
  if (!OWNER.test(text) || Number(text) > LARGEST_ID)
    problems.refuse(element.offset, `<${element.tag}> ${quote(text)} is neither a number nor a name`);
  return text.replace(/^\+?0*(?=\d)/, '');
}

function readType(element: XmlElement, problems: Problems): string | undefined {
  const { arch } = attributesOf(element, { optional: ['arch'] }, problems);
  readChoice(textOf(element, problems), ['exe'], 'the os type', element.offset, problems);
  return arch === undefined
    ? undefined
    : readChoice(arch, ARCHITECTURES, 'the architecture', offsetOf(element, 'arch'), problems);
}

function readEnvironment(elements: readonly XmlElement[], problems: Problems): OsSpec['initEnv'] {
  const seen = new Set<string>();
  return elements.map((element) => {
    const { name } = attributesOf(element, { required: ['name'] }, problems);
    const at = offsetOf(element, 'name');
    if (!VARIABLE.test(name))
      problems.refuse(at, `${quote(name)} is not the name of an environment variable`);
    if (name.length > LIMITS.domainValueChars) problems.refuse(at, 'the name of the variable is too long');
    if (seen.has(name)) problems.refuse(at, `the environment variable ${quote(name)} is given twice`);
    seen.add(name);
    return { name, value: readValue(element, textOf(element, problems), problems) };
  });
}

function readValue(element: XmlElement, text: string, problems: Problems): string {
  return readLine(text, `<${element.tag}>`, LIMITS.domainValueChars, element.offset, problems);
}

function checkCount(elements: readonly XmlElement[], problems: Problems): void {
  const extra = elements[LIMITS.initValues];
  if (extra) problems.refuse(extra.offset, `more than ${LIMITS.initValues} <${extra.tag}>`);
}
