import { Command, CommanderError, Option } from 'commander';
import { GodwitError, toGodwitError } from '../protocol/errors.ts';
import type { Cli } from './action.ts';
import { parseFormat } from './output/document.ts';
import { writeError } from './output/error.ts';
import { parsePositiveDuration } from './parse/duration.ts';
import type { Terminal } from './terminal.ts';
import { VERBS } from './verbs.ts';

/** Runs one command line (without `node` and the script's name) and returns the exit code. */
export async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  const cli: Cli = { terminal, exitCode: 0 };
  try {
    const program = await buildProgram(argv, cli);
    await program.parseAsync([...argv], { from: 'user' });
    return cli.exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0; // Help was asked for and shown.
    const told = error instanceof CommanderError ? usageError(error) : toGodwitError(error);
    writeError(terminal, told, { json: wantsJson(argv) });
    return told.exitCode;
  }
}

/**
 * The commander program. Commands that `argv` does not name stay stubs (name and summary) and their modules unloaded;
 * `all` loads every one.
 */
export async function buildProgram(
  argv: readonly string[],
  cli: Cli,
  options: { readonly all?: boolean } = {},
): Promise<Command> {
  const program = withGlobals(new Command('godwit'))
    .description('Moves running Linux containers between machines without stopping the work inside them.')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: cli.terminal.out, writeErr: () => undefined })
    .exitOverride()
    .helpCommand(false)
    .action(() => {
      throw new GodwitError('USAGE', { problem: 'a command is missing (see `godwit --help`)' });
    });
  for (const verb of VERBS) {
    if (options.all === true || argv.includes(verb.name)) {
      (await verb.load()).register(program, cli);
    } else {
      program.command(verb.name).summary(verb.summary);
    }
  }
  if (options.all === true || argv[0] === '__complete') {
    (await import('./commands/complete.ts')).register(program, cli);
  }
  return program;
}

function withGlobals(program: Command): Command {
  const hidden = (flags: string, text: string): Option => new Option(flags, text).hideHelp();
  return program
    .addOption(new Option('-o, --output <format>', 'table, wide, json, yaml or name').argParser(parseFormat))
    .option('-j, --json', 'the same as -o json')
    .option('--no-headers', 'leave out the line of column titles')
    .option('-s, --server <urls>', 'NATS servers, separated by commas (NATS_URL)')
    .option('--cluster <name>', 'name of the cluster (GODWIT_CLUSTER)')
    .option('--context <name>', 'NATS context to read settings from (NATS_CONTEXT)')
    .option('--creds <file>', 'NATS credentials (NATS_CREDS)')
    .addOption(hidden('--nkey <file>', 'NATS nkey seed (NATS_NKEY)'))
    .addOption(hidden('--user <name>', 'NATS user (NATS_USER)'))
    .addOption(hidden('--password <word>', 'NATS password (NATS_PASSWORD)'))
    .addOption(hidden('--token <token>', 'NATS token (NATS_TOKEN)'))
    .addOption(hidden('--tlsca <file>', 'certificate authority of the server (NATS_CA)'))
    .addOption(hidden('--tlscert <file>', 'client certificate (NATS_CERT)'))
    .addOption(hidden('--tlskey <file>', 'key of the client certificate (NATS_KEY)'))
    .addOption(
      hidden('--request-timeout <duration>', 'deadline of one request (NATS_TIMEOUT)').argParser(
        parsePositiveDuration,
      ),
    );
}

/** Commander's complaint as one line. */
function usageError(error: CommanderError): GodwitError {
  const problem = error.message.replace(/^error: /, '').replaceAll(/\s*\n\s*/g, ' ');
  return new GodwitError('USAGE', { problem: `${problem} (see \`godwit --help\`)` });
}

/** Whether errors must be JSON: asked of the words themselves, since parsing may be what failed. */
function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  const words = end < 0 ? argv : argv.slice(0, end);
  return words.some(
    (word, at) =>
      word === '--json' ||
      word === '-j' ||
      word === '-ojson' ||
      word === '--output=json' ||
      ((word === '-o' || word === '--output') && words[at + 1] === 'json'),
  );
}
