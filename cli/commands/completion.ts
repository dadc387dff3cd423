import { Argument, type Command } from 'commander';
import { action, type Cli } from '../action.ts';

/** `godwit completion bash|zsh|fish`: a script that asks `godwit __complete` for candidates. */
export function register(program: Command, cli: Cli): void {
  program
    .command('completion')
    .summary('print a shell completion script')
    .description(
      'Prints a completion script. Bash: `source <(godwit completion bash)`; fish: `godwit completion fish | source`.',
    )
    .addArgument(new Argument('<shell>', 'shell').choices(Object.keys(SCRIPTS)))
    .action(
      action(cli, async ({ terminal }, _options: object, shell: keyof typeof SCRIPTS) => {
        terminal.out(SCRIPTS[shell]);
        return 0;
      }),
    );
}

const SCRIPTS = {
  bash: `_godwit() {
  local word=\${COMP_WORDS[COMP_CWORD]} candidates
  candidates=$(godwit __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1)
  COMPREPLY=($(compgen -W "$candidates" -- "$word"))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$word"))
}
complete -F _godwit godwit
`,
  zsh: `#compdef godwit
_godwit() {
  local -a candidates
  local value text
  while IFS=$'\\t' read -r value text; do
    candidates+=("\${value//:/\\\\:}\${text:+:$text}")
  done < <(godwit __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#candidates} )); then _describe godwit candidates; else _files; fi
}
compdef _godwit godwit
`,
  fish: `complete -c godwit -f -a '(set -l words (commandline -opc) (commandline -ct); godwit __complete -- $words[2..-1] 2>/dev/null)'
complete -c godwit -n '__fish_seen_subcommand_from define' -F
`,
} as const;
