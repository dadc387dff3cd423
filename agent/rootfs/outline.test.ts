import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LIMITS, LowerOutline } from '../../protocol/mod.ts';
import { systemClock as clock } from '../effects/system-clock.ts';
import { createRunner } from '../effects/system-runner.ts';
import { hashList } from './lower.ts';
import { lookOver, outlineDifference, outlinesOf } from './outline.ts';

let base: string;
let runDir: string;
const at = (name: string) => join(base, name);
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'godwit-outline-'));
  runDir = at('run');
  mkdirSync(runDir);
  mkdirSync(at('a/dir/sub'), { recursive: true });
  writeFileSync(at('a/dir/sub/odd\nname'), 'one');
  writeFileSync(at('a/dir/ünï'), 'two');
  symlinkSync('dir/odd', at('a/link'));
  execFileSync('cp', ['-a', at('a'), at('b')]);
});
afterEach(() => rmSync(base, { recursive: true }));

const runner = createRunner();
const lookAt = (...names: string[]) => lookOver({ runner, clock, runDir }, names.map(at));
/** What b's node says to the outline of a, as it comes over the wire. */
async function difference(): Promise<string[]> {
  const [theirs, ours] = [outlinesOf(await lookAt('a')), (await lookAt('b')).get(at('b'))];
  if (!ours) throw new Error('nothing was looked at');
  return outlineDifference(LowerOutline.parse(theirs[at('a')]), ours);
}
const change = (script: string) => execFileSync('bash', ['-euc', script], { cwd: at('b') });
const readBoth = () =>
  Promise.all(
    ['a', 'b'].map((name) =>
      hashList({
        runner,
        clock,
        root: at(name),
        file: join(runDir, name),
        signal: new AbortController().signal,
      }),
    ),
  );

it('says nothing of a copy, whenever it was made, and leaves nothing behind', async () => {
  utimesSync(at('b/dir/ünï'), 1, 1);
  expect(await difference()).toEqual([]);
  expect(readdirSync(runDir)).toEqual([]);
});

it.each([
  ['a file of another size', "printf more >>'dir/sub/odd\nname'", ['other entries in "dir/sub"']],
  ['rights', 'chmod 700 dir', ['other entries in the directory itself']],
  ['where a link leads', 'ln -sfn dir link', ['other entries in the directory itself']],
  ['a file that is missing', 'rm dir/ünï', ['other entries in "dir"']],
  [
    'one that is too much, in a new directory',
    'mkdir -p dir/new; touch dir/new/x',
    ['other entries in "dir"', 'other entries in "dir/new"'],
  ],
])('names the directory that differs: %s', async (_what, script, words) => {
  expect(await difference()).toEqual([]);
  change(script);
  expect(await difference()).toEqual(words);
});

it('knows of other contents once they have been read, until something changes', async () => {
  change("printf TWO >'dir/ünï'");
  expect(await difference()).toEqual([]);
  await readBoth();
  expect(await difference()).toEqual(['files with other contents']);
  change("printf two >'dir/ünï'");
  expect(await difference()).toEqual([]);
  await readBoth();
  expect(await difference()).toEqual([]);
});

it('still tells that something differs where there are too many directories', async () => {
  const look = (await lookAt('a')).get(at('a'));
  if (!look) throw new Error('nothing was looked at');
  const marks = new Map(Array.from({ length: LIMITS.lowerDirectories + 1 }, (_, n) => [`${n}`, '01234567']));
  const { x } = outlinesOf(new Map([['x', { ...look, marks }]]));
  expect(x).toEqual({ digest: look.digest, directories: '' });
  expect(outlineDifference({ digest: 'another', directories: '' }, look)).toEqual(['other entries']);
});

it('leaves out what cannot be looked at', async () => {
  const found = await lookAt('a', 'nothing', 'b');
  expect([...found.keys()]).toEqual([at('a'), at('b')]);
});
