import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { SMALL_BYTES } from './files.ts';
import { filesSideBySide, sideBySide } from './side-by-side.ts';

describe('work side by side', () => {
  it('gives the results in order, and never does more at a time than it may', async () => {
    let now = 0;
    let most = 0;
    const squares = await sideBySide([5, 1, 4, 2, 3], 2, async (turns) => {
      most = Math.max(most, ++now);
      for (let turn = 0; turn < turns; turn++) await setImmediate();
      now--;
      return turns * turns;
    });
    expect(squares).toEqual([25, 1, 16, 4, 9]);
    expect(most).toBe(2);
    expect(await sideBySide([], 2, async () => 1)).toEqual([]);
  });

  it('begins nothing after a failure, and waits for what it has begun', async () => {
    const begun: string[] = [];
    const ended: string[] = [];
    const work = async (name: string) => {
      begun.push(name);
      if (name === 'bad') throw new Error('bad');
      await setImmediate();
      await setImmediate();
      ended.push(name);
    };
    await expect(sideBySide(['slow', 'bad', 'late'], 2, work)).rejects.toThrow('bad');
    expect(begun).toEqual(['slow', 'bad']);
    expect(ended).toEqual(['slow']);
  });

  it.each([
    ['a small file', 1, SMALL_BYTES + 1],
    ['a large one', SMALL_BYTES + 1, 1],
  ])('ends the files of the other kind when %s fails, and tells of that one', async (_which, bad, other) => {
    const begun: number[] = [];
    const work = async ({ bytes }: { readonly bytes: number }, signal: AbortSignal) => {
      begun.push(bytes);
      await setImmediate();
      if (bytes === bad) throw new Error('bad');
      while (!signal.aborted) await setImmediate();
      throw signal.reason;
    };
    const files = [{ bytes: bad }, { bytes: other }, ...(other > bad ? [{ bytes: other }] : [])];
    const never = new AbortController().signal;
    await expect(filesSideBySide(files, never, work)).rejects.toThrow('bad');
    expect(begun.sort()).toEqual([bad, other].sort());
  });
});
