import { styleText } from 'node:util';
import type { Command } from 'commander';
import type { DoctorList } from '../../protocol/documents.ts';
import { GodwitError, toGodwitError } from '../../protocol/errors.ts';
import type { DoctorReply } from '../../protocol/messages/node.ts';
import { action, type Cli } from '../action.ts';
import type { Context } from '../context.ts';
import { formatDocument } from '../output/document.ts';
import { writeError } from '../output/error.ts';
import { formatMs } from '../output/format.ts';
import { printable } from '../output/text.ts';
import { nodeIds } from '../parse/names.ts';

type Check = DoctorList['items'][number];

/** The node really dumps and restores a process several times. */
const DOCTOR_MS = 180_000;

/** `godwit doctor [NODE…]`: every check with its meaning and cure; exit 1 when one failed. */
export function register(program: Command, cli: Cli): void {
  program
    .command('doctor')
    .summary('check what nodes can do')
    .description(
      'Asks nodes (all when none is named) to check themselves; each really dumps and restores a small process. ' +
        'Exit code 1 when a check failed.',
    )
    .argument('[nodes...]', 'only these', nodeIds)
    .action(
      action(cli, async (context, _options: object, names: readonly string[] = []) => {
        const { replies, exitCode } = await askAll(context, names);
        const items = replies.flatMap((reply) =>
          reply.checks.map((check) => ({ ...check, node: reply.node })),
        );
        const document: DoctorList = { type: 'io.godwit.v1.doctor.list', items };
        context.terminal.out((await formatDocument(document, context.format)) ?? describe(replies, context));
        return exitCode || (items.some((check) => check.status === 'failed') ? 1 : 0);
      }),
    );
}

async function askAll(
  context: Context,
  names: readonly string[],
): Promise<{ readonly replies: readonly DoctorReply[]; readonly exitCode: number }> {
  const session = await context.session();
  const asked =
    names.length > 0 ? [...new Set(names)] : (await session.gather('info')).replies.map(({ node }) => node);
  if (asked.length === 0) throw new GodwitError('NO_NODES', { cluster: session.cluster });
  if (context.terminal.interactive)
    context.terminal.err(`checking ${printable(asked.sort().join(', '))} …\n`);
  const waits = asked.map((name) => session.request('node', name, 'doctor', {}, { timeoutMs: DOCTOR_MS }));
  const answers = await Promise.allSettled(waits);
  const problems = answers.flatMap((answer) =>
    answer.status === 'rejected' ? [toGodwitError(answer.reason)] : [],
  );
  for (const problem of problems) writeError(context.terminal, problem, context);
  return {
    replies: answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : [])),
    exitCode: problems[0]?.exitCode ?? 0,
  };
}

function describe(replies: readonly DoctorReply[], context: Context): string {
  const colours = process.stdout.isTTY === true && (context.terminal.env.NO_COLOR ?? '') === '';
  return replies
    .map((reply) => {
      const lines = reply.checks.map((check) => line({ ...check, node: reply.node }, colours));
      return `${printable(reply.node)}\n${lines.join('')}`;
    })
    .join('\n');
}

const MARKS = {
  ok: ['ok  ', 'green'],
  warning: ['warn', 'yellow'],
  failed: ['FAIL', 'red'],
  skipped: ['skip', 'gray'],
} as const;

function line(check: Check, colours: boolean): string {
  const [mark, colour] = MARKS[check.status];
  const shown = colours ? styleText(colour, mark) : mark;
  const text = `  ${shown}  ${printable(check.name)}: ${printable(check.message)} (${formatMs(check.durationMs)})\n`;
  const hint = printable(check.hint);
  return check.status === 'ok' || hint === '' ? text : `${text}        cure: ${hint}\n`;
}
