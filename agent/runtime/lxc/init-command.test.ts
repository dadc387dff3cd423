import fc from 'fast-check';
import { expect, it } from 'vitest';
import { initArgv, initCommandLine } from './init-command.ts';

/** LXC's lxc_string_split_quoted: quotes count only at the start of a word, and there are no escapes. */
function splitAsLxc(line: string): string[] {
  const words: string[] = [];
  let state = ' ';
  let from = 0;
  for (let at = 0; at < line.length; at += 1) {
    const char = line[at]!;
    if (state === ' ') {
      if (/\s/.test(char)) continue;
      from = at;
      state = char === '"' || char === "'" ? char : 'a';
    } else if (state === 'a' ? /\s/.test(char) : char === state) {
      words.push(line.slice(state === 'a' ? from : from + 1, at));
      state = ' ';
    }
  }
  if (state === 'a') words.push(line.slice(from));
  return words;
}

it('comes back word by word from LXC, or is left out', () => {
  const word = fc.oneof(fc.string(), fc.constantFrom('', ' ', '"', "'", 'a b', `it's`, '-c', 'x"y'));
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), (argv) => {
      const line = initCommandLine(argv);
      if (line === undefined) {
        expect(argv.some((one) => /[\r\n]/.test(one) || (one.includes('"') && one.includes("'")))).toBe(true);
      } else {
        expect(splitAsLxc(line)).toEqual(argv);
      }
    }),
  );
});

it('refuses a NUL, which no program can be given', () => {
  expect(() => initArgv({ init: '/bin/sh', initArgs: ['a\0b'], initEnv: [] })).toThrow(/NUL/);
});
