import { describe, expect, it, test } from 'vitest';
import { minimal } from './fixtures/documents.ts';
import { type Case, check, refused } from './fixtures/refused.ts';

/** A document with this value of `lxc.mount.auto`, on line 9. */
const auto = (value: string) => ({
  more: `<metadata><g:settings xmlns:g='https://godwit.dev/xmlns/domain/1'><g:lxc><g:set key='lxc.mount.auto' value='${value}'/></g:lxc></g:settings></metadata>`,
});

describe('lxc.mount.auto', () => {
  it.each([
    '',
    'proc:mixed sys:ro',
    'cgroup:rw:force',
    'cgroup-full:mixed  shmounts:/var/shared',
    'cgroup:force',
  ])('may be "%s"', (value) => expect(refused(minimal(auto(value)))).toBe('accepted'));

  test.each<Case>([
    ['a word that LXC does not know', auto('proc:mixed dev'), '9:102', '"dev" cannot be honoured'],
    ['a right that LXC does not know', auto('sys:rx'), '9:102', '"sys:rx"'],
    ['force where there is none', auto('proc:mixed:force'), '9:102', '"proc:mixed:force"'],
  ])('may not have %s', (...row) => check(row));
});
