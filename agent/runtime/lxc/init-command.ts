import { GodwitError, type OsSpec } from '../../../protocol/mod.ts';

/** The command that becomes the container's first process, word by word. @throws GodwitError UNSUPPORTED */
export function initArgv(os: OsSpec): string[] {
  const argv = [os.init, ...os.initArgs];
  for (const word of argv) {
    if (word.includes('\0'))
      throw new GodwitError('UNSUPPORTED', { problem: 'init: a NUL cannot be passed' });
  }
  return argv;
}

/**
 * The value of `lxc.init.cmd` for this argv, or undefined when LXC's quoting cannot express it. LXC splits at white
 * space, knows quotes only around a whole word and no escapes, and a line break ends the setting. godwit always starts
 * with the exact argv on the command line of lxc-start; this line is for whoever calls lxc-start by hand.
 */
export function initCommandLine(argv: readonly string[]): string | undefined {
  const words = argv.map(quoteWord);
  return words.includes(undefined) ? undefined : words.join(' ');
}

function quoteWord(word: string): string | undefined {
  if (/[\r\n]/.test(word)) return undefined;
  if (word !== '' && !/[\s"']/.test(word)) return word;
  if (!word.includes('"')) return `"${word}"`;
  return word.includes("'") ? undefined : `'${word}'`;
}
