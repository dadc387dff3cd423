import type { z } from 'zod';
import { decode } from '../../protocol/codec.ts';
import { type Exchange, GodwitError, verbOf } from '../../protocol/mod.ts';
import type { Bus, Stoppable } from '../bus/bus.ts';

/** One handler a verb: gets the checked request, returns the reply without its `type`. */
export type Handlers<Table extends Readonly<Record<string, Exchange>>> = {
  readonly [Verb in keyof Table]?: (
    request: z.output<Table[Verb]['request']>,
  ) => Promise<Omit<z.input<Table[Verb]['reply']>, 'type'>>;
};

/**
 * Answers the verbs of one subject family; each request is checked against its schema before a handler sees it.
 * Requests that are wrong are refused with MESSAGE_INVALID, verbs nobody handles with UNSUPPORTED. `before` is awaited first.
 */
export function serveVerbs<Table extends Readonly<Record<string, Exchange>>>(
  bus: Bus,
  subject: string,
  table: Table,
  handlers: Handlers<Table>,
  before: (verb: string) => Promise<void> = async () => {},
): Promise<Stoppable> {
  return bus.serve(subject, async (message) => {
    const verb = verbOf(message.subject);
    const exchange = Object.hasOwn(table, verb) ? table[verb] : undefined;
    const handle = handlers[verb];
    if (!exchange || !handle)
      throw new GodwitError('UNSUPPORTED', { problem: `there is no verb '${verb}' here` });
    const request = decode(exchange.request, message.subject, message.body);
    await before(verb);
    const reply = await handle(request as z.output<Table[string]['request']>);
    return { type: typeOf(exchange.reply), ...reply };
  });
}

/** The literal `type` of a message schema. */
export function typeOf(schema: z.ZodType): string {
  const shape = (schema as unknown as z.ZodObject<{ type: z.ZodLiteral<string> }>).shape;
  return shape.type.value;
}
