import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Command, Runner } from '../effects/runner.ts';
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

describe('two moves that need the same', () => {
  /** Counts what reads contents, and holds it until it is let go. */
  const held = (): Runner & { readonly hashed: Command[]; go: () => void } => {
    const runner = createRunner();
    let go = () => {};
    const gate = new Promise<void>((resolve) => {
      go = resolve;
    });
    const hashed: Command[] = [];
    return {
      ...runner,
      hashed,
      go,
      run: async (command) => {
        if (command.file !== 'sh') return runner.run(command);
        hashed.push(command);
        await Promise.race([
          gate,
          new Promise((resolve) => command.signal?.addEventListener('abort', resolve)),
        ]);
        return runner.run(command);
      },
    };
  };
  const ask = (runner: Runner, file: string, signal: AbortSignal) =>
    hashList({ runner, clock, root: join(base, 'a'), file: join(base, file), signal });
  const reads = (runner: ReturnType<typeof held>) =>
    vi.waitFor(() => expect(runner.hashed).toHaveLength(1), { timeout: 30_000 });

  it('read it once', async () => {
    const runner = held();
    const lists = Promise.all(['one', 'two'].map((file) => ask(runner, file, new AbortController().signal)));
    await reads(runner);
    runner.go();
    const [one, two] = await lists;
    expect(one?.equals(two as Buffer)).toBe(true);
    expect(runner.hashed).toHaveLength(1);
  });

  it('do not end with each other', async () => {
    const runner = held();
    const ends = [new AbortController(), new AbortController(), new AbortController()];
    const lists = ends.map(({ signal }, at) => ask(runner, `${at}`, signal));
    const results = Promise.allSettled(lists);
    await reads(runner);
    const first = ends.findIndex(({ signal }) => signal === runner.hashed[0]?.signal);
    const waiting = (first + 1) % 3;
    ends[waiting]?.abort(new Error('it waits no longer'));
    await expect(lists[waiting]).rejects.toThrow('it waits no longer');
    ends[first]?.abort(new Error('it reads no longer'));
    runner.go();
    const statuses = (await results).map(({ status }) => status);
    expect(statuses.filter((status) => status === 'fulfilled')).toHaveLength(1);
    expect(runner.hashed).toHaveLength(2);
  });
});

it('ends what reads when the move ends', async () => {
  execFileSync('bash', ['-euc', 'truncate -s 100G a/huge'], { cwd: base });
  const end = new AbortController();
  const list = hashList({
    runner: createRunner(),
    clock,
    root: join(base, 'a'),
    file: join(base, 'list'),
    signal: end.signal,
  });
  setTimeout(() => end.abort(new Error('over')), 1_000);
  await expect(list).rejects.toThrow('over');
  const reads = execFileSync('bash', ['-c', `grep -lz '^${base}/a' /proc/[0-9]*/cmdline 2>/dev/null || :`]);
  expect(reads.toString()).toBe('');
});
