import { LIMITS } from '../limits.ts';
import { isContainerName } from '../names.ts';
import type { DomainChildren } from './children.ts';
import { attributesOf, offsetOf, plainText, textOf } from './element.ts';
import { formatUuid, stableUuid } from './identity.ts';
import { type Problems, quote } from './problems.ts';
import type { DomainSpec } from './spec.ts';
import type { XmlElement } from './tree.ts';
import { readBytes, readChoice, readInteger, readLine } from './values.ts';

const UUID = /^([0-9a-f]{32}|[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12})$/i;
const VCPUS = { min: 1, max: LIMITS.vcpus };

type Basics = Pick<DomainSpec, 'name' | 'uuid' | 'title' | 'description' | 'memoryBytes' | 'vcpus'>;

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
    memoryBytes: readMemory(children, problems),
    vcpus: children.vcpu.map((element) => readVcpus(element, problems))[0] ?? 1,
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

/** `<memory>` is the hard limit. A container has no balloon, so `<currentMemory>` can only say the same. */
function readMemory({ memory, currentMemory }: DomainChildren, problems: Problems): number {
  const [bytes = 1, current = bytes] = [memory, currentMemory].map(([element]) =>
    element ? readSize(element, problems) : undefined,
  );
  if (current !== bytes && currentMemory[0] && memory[0]) {
    const problem = `<currentMemory> of ${current} bytes cannot be honoured: it must equal <memory>, ${bytes} bytes`;
    problems.refuse(currentMemory[0].offset, problem);
  }
  return bytes;
}

function readSize(element: XmlElement, problems: Problems): number {
  const { unit } = attributesOf(element, { optional: ['unit'] }, problems);
  return readBytes(textOf(element, problems), unit, `<${element.tag}>`, element.offset, problems);
}

function readVcpus(element: XmlElement, problems: Problems): number {
  const { placement, current } = attributesOf(element, { optional: ['placement', 'current'] }, problems);
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
  return count;
}
