import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changesSince, differenceOf, withTop } from './changes.ts';
import { type Entry, type Listing, parseListing } from './listing.ts';
import { sharedIn } from './mapped.ts';

const MIB = 1024 * 1024;
const LATER_MS = 2_000_000;

const file = (part: Partial<Entry> = {}): Entry => ({
  kind: 'f',
  inode: '7',
  links: 1,
  mode: '644',
  owner: '0:0',
  size: 10,
  modified: '100.5000000000',
  changed: '100.5000000000',
  link: '',
  ...part,
});
const tree = (entries: Readonly<Record<string, Entry>>, startedAtMs = LATER_MS): Listing => ({
  startedAtMs,
  entries: new Map(Object.entries(entries)),
});

describe('what may have changed', () => {
  const before = tree({ a: file(), big: file({ size: 2 * MIB, inode: '8' }), gone: file({ inode: '9' }) });
  const changed = '3000.0000000000';

  it.each<[string, Record<string, Entry>, ReturnType<typeof changesSince>]>([
    ['a new ctime', { a: file({ changed }) }, { plain: ['a'], inPlace: [] }],
    ['another inode under the name', { a: file({ inode: '10' }) }, { plain: ['a'], inPlace: [] }],
    ['a large file', { big: file({ size: 3 * MIB, inode: '8', changed }) }, { plain: [], inPlace: ['big'] }],
    [
      'a large file with a second name',
      { big: file({ size: 2 * MIB, inode: '8', changed, links: 2 }) },
      { plain: ['big'], inPlace: [] },
    ],
    [
      'a large file in the place of another',
      { big: file({ size: 2 * MIB, inode: '11', changed }) },
      { plain: ['big'], inPlace: [] },
    ],
    ['a new name', { new: file({ inode: '12', changed }) }, { plain: ['new'], inPlace: [] }],
  ])('%s', (_what, news, expected) => {
    const now = new Map([...before.entries, ...Object.entries(news)]);
    expect(changesSince(before, { startedAtMs: LATER_MS, entries: now })).toEqual(expected);
  });

  it('a name that is gone', () => {
    const { gone: _gone, ...rest } = Object.fromEntries(before.entries);
    expect(changesSince(before, tree(rest))).toEqual({ plain: ['gone'], inPlace: [] });
  });

  it('what was written in the very tick in which it was looked at', () => {
    const tight = { ...before, startedAtMs: 100_510 };
    expect(changesSince(tight, tight).plain).toEqual(['a', 'gone']);
    expect(changesSince(tight, tight).inPlace).toEqual(['big']);
  });

  it('a file that is mapped, though nothing tells of a change', () => {
    expect(changesSince(before, before, { inodes: new Set(['8']), paths: new Set(['/a']) })).toEqual({
      plain: ['a'],
      inPlace: ['big'],
    });
  });

  it('finds every change that sets a ctime, and nothing else', () => {
    const names = fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(names, fc.infiniteStream(fc.boolean()), (paths, touched) => {
        const old = tree(Object.fromEntries(paths.map((path, index) => [path, file({ inode: `${index}` })])));
        const hit = paths.filter(() => touched.next().value);
        const now = new Map(old.entries);
        for (const path of hit) now.set(path, { ...(now.get(path) as Entry), changed });
        const { plain } = changesSince(old, { startedAtMs: 0, entries: now });
        expect([...plain].sort()).toEqual([...hit].sort());
      }),
    );
  });
});

describe('the comparison', () => {
  it.each<[string, Entry, Entry, string]>([
    ['rights', file(), file({ mode: '600' }), '"x" has mode 600, not 644'],
    ['a broken hard link', file({ links: 2 }), file(), '"x" has links 1, not 2'],
    ['a time', file(), file({ modified: '1.0' }), '"x" has mtime 1.0, not 100.5000000000'],
    ['a kind', file(), file({ kind: 'd' }), '"x" has kind d, not f'],
    [
      'where a link leads',
      file({ kind: 'l', link: '/a' }),
      file({ kind: 'l', link: '/b' }),
      '"x" has target /b, not /a',
    ],
  ])('names %s', (_what, original, copy, words) => {
    expect(differenceOf(tree({ x: original }), tree({ x: copy }))).toBe(words);
  });

  it('does not mind the size of a directory, inodes, or ctimes', () => {
    const [left, right] = [
      { kind: 'd', size: 4096 },
      { kind: 'd', size: 12, inode: '99', changed: '9.0' },
    ];
    expect(differenceOf(tree({ '': file(left) }), tree({ '': file(right) }))).toBeUndefined();
  });

  it('names what is missing and what is too much', () => {
    expect(differenceOf(tree({ x: file() }), tree({}))).toBe('"x" is missing');
    expect(differenceOf(tree({}), tree({ x: file() }))).toBe('"x" is too much');
  });
});

it('a file of the root directory brings that along, for its times', () => {
  expect(withTop({ plain: ['log'], inPlace: [] }).plain).toEqual(['log', '']);
  expect(withTop({ plain: ['var/log'], inPlace: ['big'] }).plain).toEqual(['var/log']);
});

it('a listing keeps names that are not text', () => {
  const bytes = Buffer.concat([
    Buffer.from('f\t5\t1\t644\t0:0\t3\t1.5\t2.5\t\0'),
    Buffer.from([0xff, 0x0a, 0x09, 0]),
    Buffer.from('l\t6\t1\t777\t0:0\t3\t1.5\t2.5\ta\tb\0link\0'),
  ]);
  const { entries } = parseListing(bytes, 0);
  expect([...entries.keys()]).toEqual(['\xff\n\t', 'link']);
  expect(entries.get('link')).toMatchObject({ kind: 'l', inode: '6', link: 'a\tb' });
  expect(() => parseListing(bytes.subarray(0, -1), 0)).toThrow(/cut off/);
});

it('of all mappings, those that are shared and writable count', () => {
  const maps = `7f0000000000-7f0000001000 rw-s 00000000 fe:01 4711                       /data/map
7f0000002000-7f0000003000 r--s 00000000 fe:01 4712                       /data/read
7f0000004000-7f0000005000 rw-p 00000000 fe:01 4713                       /lib/x.so
7f0000006000-7f0000007000 rw-s 00000000 00:01 0                          /dev/zero (deleted)
`;
  expect(sharedIn(maps)).toEqual([{ inode: '4711', path: '/data/map' }]);
});
