import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { PreparedFile } from '../../protocol/mod.ts';
import { MAPPED_CHANGES, SYSTEMD_CHANGES } from './changes.ts';
import { type Preparing, prepareRootfs } from './prepare.ts';

let base: string;
let root: string;

beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'godwit-preparation-'));
  root = join(base, 'root');
  await mkdir(join(root, 'usr/lib/systemd'), { recursive: true });
  for (const dir of OWN_DIRS) await mkdir(join(root, 'etc/systemd', dir), { recursive: true });
  await writeFile(join(root, 'usr/lib/systemd/systemd'), '');
});
afterEach(() => rm(base, { recursive: true }));

/** Of Debian's systemd. */
const OWN_DIRS = ['system', 'user'];
const PATHS = SYSTEMD_CHANGES.map(({ path }) => path);
const [services, manager, users] = PATHS as [string, string, string];
const all = (state: PreparedFile['state']) => PATHS.map(() => state);

it('says what is missing and changes nothing', async () => {
  expect(await states('check')).toEqual(all('missing'));
  expect(await readdir(join(root, 'etc/systemd'), { recursive: true })).toEqual(OWN_DIRS);
});

it('writes what is missing, once', async () => {
  expect(await states('apply')).toEqual(all('written'));
  expect(await readFile(join(root, services), 'utf8')).toContain('\nProtectHostname=no\n');
  expect(await readFile(join(root, manager), 'utf8')).toContain(
    '\nManagerEnvironment=MEMORY_PRESSURE_WATCH=/dev/null\n',
  );
  expect(await readFile(join(root, users), 'utf8')).toContain('\nPAMName=\n');
  expect(await states('check')).toEqual(all('there'));
  const before = await lstat(join(root, services));
  expect(await states('apply')).toEqual(all('there'));
  expect((await lstat(join(root, services))).ino).toBe(before.ino);
});

it('renews what an older version wrote', async () => {
  await states('apply');
  const text = await readFile(join(root, manager), 'utf8');
  await writeFile(join(root, manager), text.replace(/^Default.*\n/m, ''));
  expect(await states('check')).toEqual(all('there').with(1, 'old'));
  expect(await states('apply')).toEqual(all('there').with(1, 'written'));
  expect(await readFile(join(root, manager), 'utf8')).toBe(text);
});

it('takes the credentials of services where users are mapped, and only there', async () => {
  const range = { start: 0, target: 100_000, count: 65_536 };
  const mapped = { ...spec(), idmap: { uid: [range], gid: [range] } };
  const { files } = await prepareRootfs(mapped, 'apply');
  expect(files.map(({ path }) => path)).toEqual(
    [...SYSTEMD_CHANGES, ...MAPPED_CHANGES].map(({ path }) => `/${path}`),
  );
  expect(files.at(-1)).toMatchObject({
    state: 'written',
    content: expect.stringContaining('\nImportCredential=\n'),
  });
  await prepareRootfs(mapped, 'undo');
  expect(await readdir(join(root, 'etc/systemd'), { recursive: true })).toEqual(OWN_DIRS);
});

it('removes all it wrote, and the directories it made for that', async () => {
  await states('apply');
  expect(await states('undo')).toEqual(all('removed'));
  expect(await readdir(join(root, 'etc/systemd'), { recursive: true })).toEqual(OWN_DIRS);
  expect(await states('undo')).toEqual(all('missing'));
});

it("leaves files alone that are the owner's", async () => {
  await mkdir(dirname(join(root, services)), { recursive: true });
  await writeFile(join(root, services), '[Service]\n');
  await mkdir(dirname(join(root, users)), { recursive: true });
  await symlink('/dev/null', join(root, users));
  expect(await states('apply')).toEqual(all('written').with(0, 'foreign').with(2, 'foreign'));
  expect(await states('undo')).toEqual(all('removed').with(0, 'foreign').with(2, 'foreign'));
  expect(await readFile(join(root, services), 'utf8')).toBe('[Service]\n');
  expect(await readlink(join(root, users))).toBe('/dev/null');
});

it.each(['etc/systemd', 'etc/systemd/system', 'etc'])('writes nothing through a link at %s', async (at) => {
  const outside = join(base, 'outside');
  await mkdir(join(outside, 'systemd/system'), { recursive: true });
  await rm(join(root, at), { recursive: true });
  await symlink(outside, join(root, at));
  await expect(prepareRootfs(spec(), 'apply')).rejects.toMatchObject({ code: 'HOST_FAILED' });
  expect(await readdir(outside, { recursive: true })).toEqual(['systemd', 'systemd/system']);
});

it('does not follow a link in the place of a file', async () => {
  const outside = join(base, 'outside');
  await writeFile(outside, 'mine');
  await mkdir(dirname(join(root, services)), { recursive: true });
  await symlink(outside, join(root, services));
  expect(await states('apply')).toEqual(all('written').with(0, 'foreign'));
  expect(await readFile(outside, 'utf8')).toBe('mine');
});

it.each([
  ['/init', 'usr/lib/systemd'],
  ['/sbin/init', 'usr/lib/nothing'],
])('has nothing to do for the init %s and a root with %s', async (init, has) => {
  await rm(join(root, 'usr/lib/systemd'), { recursive: true });
  await mkdir(join(root, has), { recursive: true });
  await writeFile(join(root, has, 'systemd'), '');
  expect(await prepareRootfs(spec(init), 'apply')).toEqual({ init: 'other', files: [] });
});

it('tells a root that is not there', async () => {
  await rm(root, { recursive: true });
  await expect(prepareRootfs(spec(), 'check')).rejects.toMatchObject({ code: 'HOST_FAILED' });
});

async function states(action: Preparing): Promise<string[]> {
  return (await prepareRootfs(spec(), action)).files.map(({ state }) => state);
}

function spec(init = '/sbin/init') {
  return {
    os: { init, initArgs: [], initEnv: [] },
    root: { type: 'mount', source: root, target: '/', readonly: false },
  } as const;
}
