import { type Command, Option } from 'commander';
import { action, type Cli } from '../action.ts';
import { formatDocument } from '../output/document.ts';
import { parsePositiveDuration } from '../parse/duration.ts';
import { containerName } from '../parse/names.ts';

interface Options {
  readonly timeout: number;
  readonly interactive?: true;
  readonly tty?: true;
}

/** `godwit exec NAME -- CMD…`: output and exit code are those of the command. */
export function register(program: Command, cli: Cli): void {
  program
    .command('exec')
    .summary('run a command in a container')
    .usage('[options] <name> -- <command...>')
    .description(
      'Runs a command in a container, and passes on its output and exit code. Signals (Ctrl-C, too) reach the command; the same one again leaves at once. It has no input without -i or -t; with them whatever is typed reaches it, and it runs on as long as it likes. With -i its errors come at its end.',
    )
    .argument('<name>', 'container', containerName)
    .argument('<command...>', 'program and arguments; put -- before them')
    .option('-i, --interactive', 'pass on standard input')
    .option('-t, --tty', 'on a terminal: for shells and editors')
    .addOption(
      new Option('--timeout <duration>', 'kill the command after this time')
        .argParser(parsePositiveDuration)
        .default(60_000, '1m'),
    )
    .action(
      action(cli, async (context, options: Options, name: string, argv: readonly string[]) => {
        const session = await context.session();
        const leave = (exitCode: number) => process.exit(exitCode);
        if (options.tty || options.interactive) {
          const { talk } = await import('../exec/talk.ts');
          const ends = { input: process.stdin, output: process.stdout, errors: process.stderr };
          const term = /^[\w.+-]{1,64}$/.exec(context.terminal.env.TERM ?? '')?.[0] ?? 'dumb';
          return talk(session, name, { argv, terminal: options.tty === true, term }, ends, leave);
        }
        const { run } = await import('../exec/run.ts');
        const wish = { argv, timeoutMs: options.timeout };
        const reply = await run(session, name, wish, leave);
        const document = await formatDocument(reply, context.format);
        context.terminal.out(document ?? reply.stdout);
        if (document === undefined) context.terminal.err(reply.stderr);
        if (reply.truncated) context.terminal.err('godwit: the output was too long and is cut off\n');
        return Math.max(0, Math.min(255, reply.exitCode));
      }),
    );
}
