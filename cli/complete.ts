import type { Command, Option } from 'commander';

/** One proposal for the word at the cursor. */
export interface Candidate {
  readonly value: string;
  readonly text: string;
}

/** Names only the bus knows. */
export type Names = 'container' | 'node' | 'job';

/**
 * Proposals for the last of `words` (what stands after `godwit`): commands, options, an option's values, or names that
 * `ask` knows.
 */
export async function candidates(
  program: Command,
  words: readonly string[],
  ask: (kind: Names) => Promise<readonly Candidate[]>,
): Promise<readonly Candidate[]> {
  const last = words.at(-1) ?? '';
  const before = words.slice(0, -1);
  if (before.includes('--')) return []; // What follows belongs to somebody else.
  const { command, positionals } = walk(program, before);
  const options = [...command.options, ...(command === program ? [] : program.options)].filter(
    (option) => !option.hidden,
  );
  const pending = options.find((option) => option.required && isFlag(option, before.at(-1) ?? ''));
  const found = pending === undefined ? await values() : await optionValues(pending);
  return found.filter((candidate) => candidate.value.startsWith(last));

  async function values(): Promise<readonly Candidate[]> {
    if (last.startsWith('-')) {
      return options.map((option) => ({ value: option.long ?? option.flags, text: option.description }));
    }
    if (command.commands.length > 0) {
      const known = command.commands.filter((child) => !child.name().startsWith('__'));
      return known.map((child) => ({ value: child.name(), text: child.summary() || child.description() }));
    }
    const args = command.registeredArguments;
    const argument = args[positionals] ?? (args.at(-1)?.variadic === true ? args.at(-1) : undefined);
    if (argument?.argChoices !== undefined) return argument.argChoices.map((value) => ({ value, text: '' }));
    return named(argument?.name() ?? '');
  }

  async function optionValues(option: Option): Promise<readonly Candidate[]> {
    if (option.argChoices !== undefined) return option.argChoices.map((value) => ({ value, text: '' }));
    const [, value = option.attributeName()] = /<(\w+)>/.exec(option.flags) ?? [];
    return named(value);
  }

  async function named(name: string): Promise<readonly Candidate[]> {
    if (name === 'node' || name === 'nodes') return ask('node');
    if (name === 'name' || name === 'names') return ask('container');
    return name === 'job' ? ask('job') : [];
  }
}

/** The command the finished words lead to, and how many of its arguments are given already. */
function walk(program: Command, words: readonly string[]): { command: Command; positionals: number } {
  let command = program;
  let positionals = 0;
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word.startsWith('-')) {
      const option = [...command.options, ...program.options].find((known) => isFlag(known, word));
      if (option?.required === true) at += 1; // Its value is no argument.
      continue;
    }
    const child = command.commands.find((known) => known.name() === word);
    if (child === undefined) positionals += 1;
    else command = child;
  }
  return { command, positionals };
}

function isFlag(option: Option, word: string): boolean {
  return word !== '' && (option.long === word || option.short === word);
}
