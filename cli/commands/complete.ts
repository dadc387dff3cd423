import type { Command } from 'commander';
import { action, type Cli } from '../action.ts';
import { type Candidate, candidates, type Names } from '../complete.ts';
import type { Context } from '../context.ts';
import { printable } from '../output/text.ts';

/** How long the bus may delay a Tab key. */
const ASK_MS = 300;

/** `godwit __complete -- WORDS…` (hidden): candidates for the last word, `value<TAB>description` one a line. */
export function register(program: Command, cli: Cli): void {
  program
    .command('__complete', { hidden: true })
    .argument('[words...]', 'the words so far, the last one unfinished')
    .action(
      action(cli, async (context, _options: object, words: readonly string[] = []) => {
        const { buildProgram } = await import('../program.ts');
        const whole = await buildProgram([], cli, { all: true });
        const found = await candidates(whole, words, (kind) => askNames(context, kind));
        context.terminal.out(found.map(line).join(''));
        return 0;
      }),
    );
}

/** Names the bus knows; none when it does not answer in time: completion must never complain. */
async function askNames(context: Context, kind: Names): Promise<Candidate[]> {
  try {
    const session = await context.session();
    if (kind === 'job') {
      const { replies } = await session.gather('jobs', { maxWaitMs: ASK_MS });
      return replies.flatMap((reply) =>
        reply.jobs.map((job) => ({
          value: job.job,
          text: `${job.container} ${job.source} -> ${job.target}`,
        })),
      );
    }
    const { replies } = await session.gather('info', { maxWaitMs: ASK_MS });
    if (kind === 'node') return replies.map((node) => ({ value: node.node, text: node.state }));
    return replies.flatMap((node) =>
      node.containers.map((container) => ({
        value: container.name,
        text: `${container.state} on ${node.node}`,
      })),
    );
  } catch {
    return [];
  }
}

function line({ value, text }: Candidate): string {
  const shown = printable(text);
  return shown === '' ? `${printable(value)}\n` : `${printable(value)}\t${shown}\n`;
}
