import type { DomainChildren } from './children.ts';
import { attributesOf, checkEmpty, childrenOf, offsetOf, plainText } from './element.ts';
import { type Problems, quote } from './problems.ts';
import type { PolicySpec } from './spec.ts';
import type { XmlElement } from './tree.ts';
import { readChoice } from './values.ts';

const ENDS = ['on_poweroff', 'on_crash'] as const;

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

/**
 * What happens when the container ends: whether it is started again, as `<lifecycle restart='yes'>` says, too. LXC restarts
 * one that reboots by itself, and tells nobody whether one that ended has crashed.
 */
export function readEvents(children: DomainChildren, problems: Problems): Pick<PolicySpec, 'restart'> {
  for (const element of children.on_reboot)
    readChoice(plainText(element, problems), ['restart'], '<on_reboot>', element.offset, problems);
  const [poweroff = 'destroy', crash = 'destroy'] = ENDS.map((event) =>
    children[event]
      .map((element) =>
        readChoice(
          plainText(element, problems),
          ['destroy', 'restart'],
          `<${event}>`,
          element.offset,
          problems,
        ),
      )
      .at(0),
  );
  const [odd] = poweroff === 'restart' ? children.on_poweroff : children.on_crash;
  if (poweroff !== crash && odd)
    problems.refuse(
      odd.offset,
      `<${odd.tag}> "restart" cannot be honoured alone: LXC does not tell a crash from a halt, so <on_poweroff> and <on_crash> must say the same`,
    );
  return poweroff === 'restart' && crash === 'restart' ? { restart: true } : {};
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
