import { describe, expect, it } from 'vitest';
import { inSafeOrder, type ProgramRule } from './device-program.ts';

const rules = (...lines: string[]) =>
  lines.map((line): ProgramRule => {
    const [, kind, value = ''] = /^(allow|deny) (.*)$/.exec(line) ?? [];
    return { kind: kind as ProgramRule['kind'], value };
  });
const lines = (found: readonly ProgramRule[]) => found.map(({ kind, value }) => `${kind} ${value}`);

describe('inSafeOrder', () => {
  it.each([
    ['has nothing to do without rules', [], []],
    [
      'begins with the last that allows all',
      ['deny a', 'allow c 1:3 rwm', 'allow a', 'deny c 10:229 rw'],
      ['allow a', 'deny c 10:229 rw'],
    ],
    [
      'allows all of each kind until a list is complete',
      ['allow a', 'deny c 10:229 rw', 'deny a', 'allow c 1:3 rwm', 'allow b *:* m'],
      [
        'allow c *:* mwr',
        'allow b *:* mwr',
        'allow c 1:3 rwm',
        'allow b *:* m',
        'deny c *:* mwr',
        'deny b *:* mwr',
      ],
    ],
    [
      'takes a list without a rule about all as LXC does: all else is forbidden',
      ['allow c 1:3 rwm'],
      ['allow c *:* mwr', 'allow b *:* mwr', 'allow c 1:3 rwm', 'deny c *:* mwr', 'deny b *:* mwr'],
    ],
    [
      'takes back no rule of the list itself',
      ['deny a', 'allow c *:* mwr'],
      ['allow c *:* wmr', 'allow b *:* wmr', 'allow c *:* mwr', 'deny c *:* wmr', 'deny b *:* wmr'],
    ],
  ])('%s', (_, given, ordered) => {
    expect(lines(inSafeOrder(rules(...given)))).toEqual(ordered);
  });

  it('never forbids on the way what is allowed in the end, and ends with the same program', () => {
    const list = rules(
      'deny a',
      'allow c *:* m',
      'allow c 1:3 rwm',
      'allow c 136:* rwm',
      'deny c 1:3 rwm',
      'allow c 1:5 rw',
    );
    const ends = programs(list).at(-1);
    const steps = programs(inSafeOrder(list));
    const asked = ['c 1:3 r', 'c 1:5 w', 'c 1:8 r', 'c 1:8 m', 'c 136:7 w', 'c 10:229 r', 'b 8:0 r'];
    for (const one of asked) {
      expect(steps.at(-1)?.(one), one).toBe(ends?.(one));
      if (ends?.(one)) expect(steps.map((allows) => allows(one))).not.toContain(false);
    }
    expect(asked.filter((one) => ends?.(one))).toEqual(['c 1:5 w', 'c 1:8 m', 'c 136:7 w']);
  });
});

/** What LXC 7 (cgroup2_devices.c) loads after each rule: whether it allows an access. */
function programs(given: readonly ProgramRule[]): ((asked: string) => boolean)[] {
  let allowsAll = false;
  let list: { allow: boolean; value: string }[] = [];
  return given.map(({ kind, value }) => {
    const allow = kind === 'allow';
    if (value === 'a') {
      allowsAll = allow;
      list = [];
    } else {
      const same = list.find((rule) => rule.value === value && rule.allow !== allowsAll);
      if (same) same.allow = allow;
      else list = [{ allow, value }, ...list];
    }
    const [seen, open] = [list.map((rule) => ({ ...rule })), allowsAll];
    return (asked) => {
      const [type, number = '', access = ''] = asked.split(' ');
      const [major, minor] = number.split(':');
      const hit = seen.find((rule) => {
        if (rule.allow === open) return false;
        const [ofType, ofNumber = '', letters = ''] = rule.value.split(' ');
        const [ofMajor = '', ofMinor = ''] = ofNumber.split(':');
        return (
          ofType === type &&
          ['*', major].includes(ofMajor) &&
          ['*', minor].includes(ofMinor) &&
          letters.includes(access)
        );
      });
      return hit ? hit.allow : open;
    };
  });
}
