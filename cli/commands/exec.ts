import { type Command, Option } from 'commander';
import { action, type Cli } from '../action.ts';
import { formatDocument } from '../output/document.ts';
import { parsePositiveDuration } from '../parse/duration.ts';
import { containerName } from '../parse/names.ts';

/** The agent ends the command by itself at its timeout; we wait a little longer for that answer. */
const SLACK_MS = 5_000;

/** `godwit exec NAME -- CMD…`: output and exit code are those of the command. */
export function register(program: Command, cli: Cli): void {
  program
    .command('exec')
    .summary('run a command in a container')
    .usage('[options] <name> -- <command...>')
    .description('Runs a command in a container, without input, and passes on its output and exit code.')
    .argument('<name>', 'container', containerName)
    .argument('<command...>', 'program and arguments; put -- before them')
    .addOption(
      new Option('--timeout <duration>', 'kill the command after this time')
        .argParser(parsePositiveDuration)
        .default(60_000, '1m'),
    )
    .action(
      action(cli, async (context, options: { timeout: number }, name: string, argv: readonly string[]) => {
        const session = await context.session();
        const reply = await session.request(
          'container',
          name,
          'exec',
          { argv: [...argv], timeoutMs: options.timeout },
          { timeoutMs: options.timeout + SLACK_MS },
        );
        const document = await formatDocument(reply, context.format);
        context.terminal.out(document ?? reply.stdout);
        if (document === undefined) context.terminal.err(reply.stderr);
        if (reply.truncated) context.terminal.err('godwit: the output was too long and is cut off\n');
        return Math.max(0, Math.min(255, reply.exitCode));
      }),
    );
}
