import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { tellThawed } from './frozen-image.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'frozen-image-'));
});
afterEach(() => rm(dir, { recursive: true }));

/** Two properties as criu 4.2 writes them: name, value, rights. */
const entry = (name: string, value: string) =>
  `\x0a${char(name)}${name}\x12${char(value)}${value}\x1a\x06rights`;
const char = ({ length }: string) => String.fromCharCode(length);

it('says of every cgroup that was frozen that it ran, and changes nothing else', async () => {
  const image = (state: string) =>
    `\x42\x10 FROZEN ${entry('freezer.state', state)}${entry('name', 'FROZEN')}${entry('freezer.state', state)}\xff`;
  await writeFile(join(dir, 'cgroup.img'), image('FROZEN'), 'latin1');
  await tellThawed(dir);
  expect(await readFile(join(dir, 'cgroup.img'), 'latin1')).toBe(image('THAWED'));
});

it('leaves images alone that have no cgroups', async () => {
  await tellThawed(dir);
  await expect(readFile(join(dir, 'cgroup.img'))).rejects.toMatchObject({ code: 'ENOENT' });
});
