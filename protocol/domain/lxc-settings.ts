import { LIMITS } from '../limits.ts';
import { attributesOf, checkEmpty, childrenOf, offsetOf } from './element.ts';
import { type Problems, quote } from './problems.ts';
import type { DomainSpec, LxcSetting } from './spec.ts';
import type { XmlElement } from './tree.ts';
import { readLine, readPath } from './values.ts';

/**
 * Settings of LXC's own that no element expresses and that mean the same before and after a move, so that an adopted
 * container keeps them word for word. Limits of cgroups belong to them: they are written again after each restore.
 */
const KEPT = [
  /^lxc\.uts\.name$/,
  /^lxc\.(autodev|autodev\.tmpfs\.size|pty\.max|tty\.max|tty\.dir)$/,
  /^lxc\.console\.(path|logfile|rotate|size|buffer\.size)$/,
  /^lxc\.mount\.(auto|entry)$/,
  /^lxc\.rootfs\.managed$/,
  /^lxc\.signal\.(halt|reboot|stop)$/,
  /^lxc\.(sysctl|proc)\.[a-z0-9_.\-/]+$/,
  /^lxc\.prlimit\.[a-z]+$/,
  /^lxc\.seccomp\.(profile|allow_nesting)$/,
  /^lxc\.apparmor\.(allow_nesting|allow_incomplete)$/,
  /^lxc\.(no_new_privs|keyring\.session|execute\.cmd|group)$/,
  /^lxc\.log\.(level|file|syslog)$/,
  /^lxc\.hook\.(clone|destroy)$/,
  /^lxc\.cgroup2?\.[a-z0-9]+(\.[a-z0-9_]+)+$/,
];

/** What LXC takes as a word of `lxc.mount.auto`; with anything else it does not start the container. */
const AUTO_MOUNT = /^((proc|sys)(:(mixed|ro|rw))?|cgroup(-full)?(:(mixed|ro|rw))?(:force)?|shmounts:\S*)$/;

/** True for a key that `<set>` may have. */
export function isKeptKey(key: string): boolean {
  return key.length <= LIMITS.pathChars && KEPT.some((pattern) => pattern.test(key));
}

/** Reads `<lxc>` of godwit's settings: files and single lines for LXC's configuration. */
export function readLxc(element: XmlElement, problems: Problems): Pick<DomainSpec, 'includes' | 'lxc'> {
  attributesOf(element, {}, problems);
  const children = childrenOf(element, { 'godwit:include': 'many', 'godwit:set': 'many' }, problems);
  for (const [list, limit] of [
    [children['godwit:include'], LIMITS.includes],
    [children['godwit:set'], LIMITS.lxcSettings],
  ] as const) {
    const extra = list[limit];
    if (extra) problems.refuse(extra.offset, `more than ${limit} <${extra.tag}> elements`);
  }
  const includes = children['godwit:include'].map((one) => {
    const { file } = attributesOf(one, { required: ['file'] }, problems);
    checkEmpty(one, problems);
    return file === '' ? '' : readPath(file, 'the file', offsetOf(one, 'file'), problems);
  });
  const lxc = children['godwit:set'].map((one) => readSetting(one, problems));
  return { ...(includes.length === 0 ? {} : { includes }), ...(lxc.length === 0 ? {} : { lxc }) };
}

function readSetting(element: XmlElement, problems: Problems): LxcSetting {
  const { key, value = '' } = attributesOf(element, { required: ['key'], optional: ['value'] }, problems);
  checkEmpty(element, problems);
  if (key !== '' && !isKeptKey(key))
    problems.refuse(
      offsetOf(element, 'key'),
      `the setting ${quote(key)} cannot be honoured: an element says it, or it does not come through a move`,
    );
  const at = offsetOf(element, 'value');
  if (key === 'lxc.mount.auto') checkAutoMounts(value, at, problems);
  return { key, value: readLine(value, 'the value', LIMITS.domainValueChars, at, problems) };
}

/** An empty value takes back what was asked for before. */
function checkAutoMounts(value: string, at: number, problems: Problems): void {
  for (const word of value.split(/[ \t]+/).filter((part) => part !== ''))
    if (!AUTO_MOUNT.test(word))
      problems.refuse(
        at,
        `lxc.mount.auto ${quote(word)} cannot be honoured; possible: proc, sys, cgroup and cgroup-full with :mixed, :ro or :rw`,
      );
}
