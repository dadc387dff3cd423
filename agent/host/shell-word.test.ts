import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { shellWord } from './shell-word.ts';

it.each(['', 'a b', "it's", "''", '$(id) `id` \\ "', 'two\nlines', '*'])(
  'is one word to a shell: %j',
  (text) => {
    expect(execFileSync('sh', ['-c', `printf %s. ${shellWord(text)}`], { encoding: 'utf8' })).toBe(
      `${text}.`,
    );
  },
);
