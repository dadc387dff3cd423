import { ADVICE } from './advice.ts';
import { type Problems, quote } from './problems.ts';
import type { XmlElement } from './tree.ts';

/** How often a child may stand in its parent. */
export type Occurrence = 'one' | 'many';

/**
 * The children of an element that holds only elements, by name. Every other child, a second one of a single kind, and
 * text between them is refused by name.
 */
export function childrenOf<Name extends string>(
  element: XmlElement,
  allowed: Readonly<Record<Name, Occurrence>>,
  problems: Problems,
): Readonly<Record<Name, readonly XmlElement[]>> {
  const names = Object.keys(allowed) as Name[];
  const found = Object.fromEntries(names.map((name) => [name, [] as XmlElement[]])) as Record<
    Name,
    XmlElement[]
  >;
  for (const child of element.children) {
    const name = names.find((candidate) => candidate === child.name);
    if (name === undefined) problems.refuse(child.offset, refusal(child, element));
    else if (allowed[name] === 'one' && found[name].length > 0)
      problems.refuse(child.offset, `a second <${cut(child.tag)}> in <${element.tag}>`);
    else found[name].push(child);
  }
  if (element.text.trim() !== '')
    problems.refuse(
      element.offset,
      `text ${quote(element.text.trim())} in <${element.tag}>, which holds elements`,
    );
  return found;
}

/** The attributes of an element; others are refused by name, and so is an element without a required one. */
export function attributesOf<Required extends string = never, Optional extends string = never>(
  element: XmlElement,
  names: { readonly required?: readonly Required[]; readonly optional?: readonly Optional[] },
  problems: Problems,
): { readonly [Name in Required]: string } & { readonly [Name in Optional]?: string } {
  const values: Record<string, string> = {};
  const known: readonly string[] = [...(names.required ?? []), ...(names.optional ?? [])];
  for (const { name, offset, value } of element.attributes) {
    if (known.includes(name)) {
      values[name] = value;
      if (value === '' && names.required?.some((required) => required === name))
        problems.refuse(offset, `the attribute ${name} of <${element.tag}> is empty`);
    } else {
      const advice = ADVICE[`${element.name}@${name}`];
      const reason = advice === undefined ? '' : `: ${advice}`;
      problems.refuse(
        offset,
        `the attribute ${cut(name)}=${quote(value)} of <${element.tag}> cannot be honoured${reason}`,
      );
    }
  }
  for (const name of names.required ?? []) {
    if (values[name] !== undefined) continue;
    problems.refuse(element.offset, `<${element.tag}> needs the attribute ${name}`);
    values[name] = '';
  }
  return values as { readonly [Name in Required]: string } & { readonly [Name in Optional]?: string };
}

/** The text of an element that holds nothing else (its attributes are the caller's matter). */
export function textOf(element: XmlElement, problems: Problems): string {
  for (const child of element.children) problems.refuse(child.offset, refusal(child, element));
  return element.text;
}

/** The text of an element that has neither attributes nor children. */
export function plainText(element: XmlElement, problems: Problems): string {
  attributesOf(element, {}, problems);
  return textOf(element, problems);
}

/** Refuses content in an element that must be empty; attributes are the caller's matter. */
export function checkEmpty(element: XmlElement, problems: Problems): void {
  childrenOf(element, {}, problems);
}

/** Where an attribute stands; the element when it is not there. */
export function offsetOf(element: XmlElement, attribute: string): number {
  return element.attributes.find(({ name }) => name === attribute)?.offset ?? element.offset;
}

function refusal(child: XmlElement, parent: XmlElement): string {
  const advice = ADVICE[`${parent.name}/${child.name}`] ?? ADVICE[child.name];
  const space = child.name.startsWith('{')
    ? ` (namespace ${quote(child.name.slice(1, child.name.lastIndexOf('}')))})`
    : '';
  const reason = advice === undefined ? '' : `: ${advice}`;
  return `<${cut(child.tag)}>${space} in <${parent.tag}> cannot be honoured${reason}`;
}

function cut(name: string): string {
  return name.length > 60 ? `${name.slice(0, 57)}...` : name;
}
