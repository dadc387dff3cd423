import type { Command } from 'commander';
import type { CloudEvent } from '../../protocol/messages/event.ts';
import { action, type Cli } from '../action.ts';
import type { Context } from '../context.ts';
import { formatTime } from '../output/format.ts';
import { printable } from '../output/text.ts';
import { parsePositiveDuration } from '../parse/duration.ts';

interface Options {
  readonly follow?: boolean;
  readonly type?: string;
  readonly since?: number;
}

/** `godwit events [--follow] [--type T] [--since D]`: history from the JetStream stream, then what comes. */
export function register(program: Command, cli: Cli): void {
  program
    .command('events')
    .summary('show what happened, or follow it')
    .description(
      'Prints the events the cluster keeps, oldest first; --follow goes on with new ones until Ctrl-C.',
    )
    .option('-f, --follow', 'go on with new events')
    .option('--type <type>', 'only this type (io.godwit.v1.event.job) or topic (job)')
    .option('--since <duration>', 'only events of the last …', parsePositiveDuration)
    .action(action(cli, (context, options: Options) => showEvents(context, options)));
}

async function showEvents(context: Context, options: Options): Promise<number> {
  const signal = options.follow === true ? context.interrupted() : new AbortController().signal;
  const session = await context.session();
  const { readEvents } = await import('../bus/events.ts');
  const source = readEvents(session, {
    follow: options.follow === true,
    ...(options.since === undefined ? {} : { sinceMs: options.since }),
    signal,
  });
  for await (const { topic, event } of source) {
    if (matchesType(event.type, topic, options.type)) write(context, event);
  }
  return signal.aborted ? 130 : 0;
}

/** Whether an event has the wanted type: its whole type, the last part of it, or the topic it was published on. */
export function matchesType(type: string, topic: string, wanted: string | undefined): boolean {
  return wanted === undefined || type === wanted || topic === wanted || type.endsWith(`.${wanted}`);
}

function write({ terminal, json, format }: Context, event: CloudEvent): void {
  if (json || format === 'yaml') terminal.out(`${JSON.stringify(event)}\n`);
  else if (format === 'name') terminal.out(`${printable(event.id)}\n`);
  else terminal.out(`${describeEvent(event)}\n`);
}

/** One line: time, type, subject and, for jobs, what the job is doing. */
export function describeEvent(event: CloudEvent): string {
  const time = formatTime(Date.parse(event.time));
  const parts = [
    time,
    event.type.replace(/^io\.godwit\.v1\./, ''),
    event.source.split('.').at(-1) ?? '',
    event.subject ?? '',
    detail(event.data),
  ];
  return printable(parts.filter((part) => part !== '').join('  '));
}

function detail(data: unknown): string {
  if (typeof data !== 'object' || data === null) return '';
  const { event, job } = data as { readonly event?: unknown; readonly job?: unknown };
  if (typeof job !== 'object' || job === null) return '';
  const { container, source, target, outcome, progress } = job as Readonly<Record<string, unknown>>;
  const phase = (progress as { readonly phase?: unknown } | undefined)?.phase;
  return `${container} ${source} -> ${target}: ${event} ${outcome ?? phase ?? ''}`;
}
