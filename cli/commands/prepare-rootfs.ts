import { type Command, Option } from 'commander';
import type { Preparation } from '../../protocol/messages/preparation.ts';
import { action, type Cli } from '../action.ts';
import { writeOne } from '../output/document.ts';
import { printable } from '../output/text.ts';
import { containerName } from '../parse/names.ts';

/** Of `protocol/error-catalogue.ts`: what a pre-flight that found something ends with. */
const UNPREPARED = 8;

interface Options {
  readonly check?: true;
  readonly apply?: true;
  readonly undo?: true;
}

/** `godwit prepare-rootfs NAME`: what a container with systemd needs in its root to be moved. */
export function register(program: Command, cli: Cli): void {
  program
    .command('prepare-rootfs')
    .summary('make a system container fit for moves')
    .description(
      'Compares the root of a container with systemd with what criu can dump and restore: a few drop-ins, each with its reason ' +
        'and its price. They count from the next start of the container. Exit code 8 when something is missing.',
    )
    .argument('<name>', 'container', containerName)
    .addOption(new Option('--check', 'only say what is missing (the default)').conflicts(['apply', 'undo']))
    .addOption(new Option('--apply', 'write what is missing').conflicts(['undo']))
    .addOption(new Option('--undo', 'remove what --apply wrote'))
    .action(
      action(cli, async (context, options: Options, name: string) => {
        const session = await context.session();
        const todo = options.apply ? 'apply' : options.undo ? 'undo' : 'check';
        const reply = await session.request('container', name, 'prepare-rootfs', { action: todo });
        await writeOne(context.terminal, context.format, {
          document: reply,
          name: reply.container,
          text: () => describe(reply),
        });
        return todo !== 'undo' && !reply.prepared ? UNPREPARED : 0;
      }),
    );
}

function describe(reply: Preparation): string {
  const head = `${printable(reply.container)} on ${printable(reply.node)}`;
  if (reply.init !== 'systemd') return `${head}: its init is not systemd, nothing to prepare\n`;
  const verdict = reply.prepared ? 'prepared' : 'not prepared';
  const files = reply.files.map(
    ({ path, state, content, why, cost }) =>
      `  ${state.padEnd(8)} ${printable(path)}\n${state === 'there' ? '' : details(content, why, cost)}`,
  );
  return `${head}: ${verdict}\n${files.join('')}${nextStep(reply)}`;
}

function details(content: string, why: string, cost: string): string {
  const lines = content
    .trimEnd()
    .split('\n')
    .filter((line) => !line.startsWith('#'));
  return [...lines.map((line) => `             ${printable(line)}`), `           why:  ${printable(why)}`]
    .concat(`           cost: ${printable(cost)}`, '')
    .join('\n');
}

function nextStep({ container, prepared, restartNeeded, files }: Preparation): string {
  const name = printable(container);
  const has = (...states: readonly string[]) => files.some(({ state }) => states.includes(state));
  const steps = [
    ...(has('foreign')
      ? ['foreign files are left alone: compare them, and remove them or keep what they say\n']
      : []),
    ...(has('missing', 'old') && !prepared
      ? [`write what is missing: godwit prepare-rootfs ${name} --apply\n`]
      : []),
    ...(restartNeeded ? [`it counts from its next start: godwit stop ${name}; godwit start ${name}\n`] : []),
  ];
  return steps.join('');
}
