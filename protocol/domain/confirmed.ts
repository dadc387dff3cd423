import type { DomainChildren } from './children.ts';
import { attributesOf, checkEmpty, childrenOf, offsetOf, plainText } from './element.ts';
import { type Problems, quote } from './problems.ts';
import type { XmlElement } from './tree.ts';
import { readChoice } from './values.ts';

const EVENTS = [
  ['on_poweroff', 'destroy'],
  ['on_reboot', 'restart'],
  ['on_crash', 'destroy'],
] as const;

/**
 * Elements that libvirt writes into each definition and that leave godwit no choice: they are accepted when they say
 * what happens anyway, refused otherwise, and not kept.
 */
export function checkFixed(children: DomainChildren, problems: Problems): void {
  for (const clock of children.clock) {
    const { offset } = attributesOf(clock, { required: ['offset'] }, problems);
    if (offset !== '') readChoice(offset, ['utc'], 'the clock offset', offsetOf(clock, 'offset'), problems);
    checkEmpty(clock, problems);
  }
  for (const resource of children.resource) {
    attributesOf(resource, {}, problems);
    for (const partition of childrenOf(resource, { partition: 'one' }, problems).partition)
      readChoice(
        plainText(partition, problems),
        ['/machine'],
        'the resource partition',
        partition.offset,
        problems,
      );
  }
}

/** What happens when the container ends: LXC's way, which is libvirt's default. */
export function checkEvents(children: DomainChildren, problems: Problems): void {
  for (const [event, action] of EVENTS)
    for (const element of children[event])
      readChoice(plainText(element, problems), [action], `<${event}>`, element.offset, problems);
}

/** `<emulator>` names libvirt's own helper program, which every libvirt-lxc definition carries; godwit is the other. */
export function checkEmulator(element: XmlElement, problems: Problems): void {
  const path = plainText(element, problems).trim();
  if (!/^\/(.*\/)?libvirt_lxc$/.test(path))
    problems.refuse(
      element.offset,
      `<emulator> ${quote(path)} cannot be honoured: only libvirt_lxc has no effect`,
    );
}

/** The container's console: a pseudo terminal of LXC's. */
export function checkConsole(element: XmlElement, problems: Problems): void {
  const { type } = attributesOf(element, { required: ['type'] }, problems);
  if (type !== '') readChoice(type, ['pty'], 'the console type', offsetOf(element, 'type'), problems);
  for (const target of childrenOf(element, { target: 'one' }, problems).target) {
    const values = attributesOf(target, { optional: ['type', 'port'] }, problems);
    readChoice(values.type ?? 'lxc', ['lxc'], 'the console target', offsetOf(target, 'type'), problems);
    readChoice(values.port ?? '0', ['0'], 'the console port', offsetOf(target, 'port'), problems);
    checkEmpty(target, problems);
  }
}
