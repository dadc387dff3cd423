import { LIMITS } from '../limits.ts';
import { isContainerName } from '../names.ts';
import type { DomainChildren } from './children.ts';
import { attributesOf, offsetOf, plainText, textOf } from './element.ts';
import { formatUuid, stableUuid } from './identity.ts';
import { readMemory } from './memory.ts';
import { readNumberList } from './number-list.ts';
import { type Problems, quote } from './problems.ts';
import type { DomainSpec } from './spec.ts';
import type { XmlElement } from './tree.ts';
import { readChoice, readInteger, readLine } from './values.ts';

const UUID = /^([0-9a-f]{32}|[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12})$/i;
const VCPUS = { min: 1, max: LIMITS.vcpus };

type Basics = Pick<
  DomainSpec,
  'name' | 'uuid' | 'title' | 'description' | 'memoryBytes' | 'allocation' | 'memtune' | 'vcpus' | 'cpuset'
>;

/** Reads what a container is called and how much it may use. */
export function readBasics(domain: XmlElement, children: DomainChildren, problems: Problems): Basics {
  for (const name of ['name', 'memory'] as const)
    if (children[name].length === 0) problems.refuse(domain.offset, `<domain> needs <${name}>`);
  const name = children.name.map((element) => readName(element, problems))[0] ?? '';
  const [uuid = stableUuid(name)] = children.uuid.map((element) => readUuid(element, problems));
  const [title = ''] = children.title.map((element) => {
    const text = plainText(element, problems);
    return readLine(text, 'the title', LIMITS.domainValueChars, element.offset, problems);
  });
  const [description = ''] = children.description.map((element) => plainText(element, problems));
  return {
    name,
    uuid,
    ...(title === '' ? {} : { title }),
    ...(description === '' ? {} : { description }),
    ...readMemory(children, problems),
    ...(children.vcpu.map((element) => readVcpus(element, problems))[0] ?? { vcpus: 1 }),
  };
}

function readName(element: XmlElement, problems: Problems): string {
  const name = plainText(element, problems).trim();
  if (!isContainerName(name)) {
    const rule = `[a-zA-Z0-9][a-zA-Z0-9_.-]* without "..", at most ${LIMITS.containerNameChars} characters`;
    problems.refuse(element.offset, `${quote(name)} is not a container name (${rule})`);
  }
  return name;
}

function readUuid(element: XmlElement, problems: Problems): string {
  const text = plainText(element, problems).trim();
  const digits = text.replaceAll('-', '');
  if (!UUID.test(text) || /^0+$/.test(digits)) {
    problems.refuse(element.offset, `${quote(text)} is not a uuid`);
    return '';
  }
  return formatUuid(digits);
}

function readVcpus(element: XmlElement, problems: Problems): Pick<DomainSpec, 'vcpus' | 'cpuset'> {
  const { placement, current, cpuset } = attributesOf(
    element,
    { optional: ['placement', 'current', 'cpuset'] },
    problems,
  );
  if (placement !== undefined)
    readChoice(placement, ['static'], 'the vcpu placement', offsetOf(element, 'placement'), problems);
  const count = readInteger(textOf(element, problems), '<vcpu>', VCPUS, element.offset, problems);
  if (current !== undefined) {
    const at = offsetOf(element, 'current');
    if (readInteger(current, 'current', VCPUS, at, problems) !== count)
      problems.refuse(
        at,
        `current=${quote(current)} cannot be honoured: it must equal the ${count} of <vcpu>`,
      );
  }
  if (cpuset === undefined) return { vcpus: count };
  const list = readNumberList(cpuset, 'the cpuset', LIMITS.vcpus, offsetOf(element, 'cpuset'), problems);
  return { vcpus: count, cpuset: list };
}
