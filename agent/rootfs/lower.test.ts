import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock as clock } from '../effects/system-clock.ts';
import { createRunner } from '../effects/system-runner.ts';
import { hashList, lowerDifference } from './lower.ts';

let base: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'godwit-lower-'));
  const tree = join(base, 'a');
  mkdirSync(join(tree, 'dir'), { recursive: true });
  writeFileSync(join(tree, 'dir/odd\nname'), 'one');
  writeFileSync(join(tree, 'dir/ünï'), 'two');
  symlinkSync('dir/odd', join(tree, 'link'));
  execFileSync('cp', ['-a', tree, join(base, 'b')]);
});
afterEach(() => rmSync(base, { recursive: true }));

const listOf = (name: string) =>
  hashList({
    runner: createRunner(),
    clock,
    root: join(base, name),
    file: join(base, `${name}.list`),
    signal: new AbortController().signal,
  });
const difference = async () => lowerDifference(await listOf('a'), await listOf('b'));

it('says that a copy is the same, whenever it was made', async () => {
  utimesSync(join(base, 'b/dir/ünï'), 1, 1);
  expect(await difference()).toBe('');
});

it.each([
  [
    'content of the same size and time',
    "printf 'ONE' >'dir/odd\nname'; touch -r dir 'dir/odd\nname'",
    '"dir/odd\\nname" is another one',
  ],
  ['rights', 'chmod 700 dir', '"dir" is another one'],
  ['where a link leads', 'ln -sfn dir link', '"link" is another one'],
  ['a file that is missing', 'rm dir/ünï', '"dir/ünï" is missing'],
  ['a file that is too much', 'touch dir/zzz', '"dir/zzz" is too much'],
])('names the path that differs: %s', async (_what, change, words) => {
  expect(await difference()).toBe('');
  execFileSync('bash', ['-euc', change], { cwd: join(base, 'b') });
  expect(await difference()).toBe(words);
});
