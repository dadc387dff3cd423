import type { z } from 'zod';
import { assert } from '../assert.ts';
import { Job, MigrateResult } from '../job.ts';
import { CheckpointResult, EvacuateResult, RestoreResult } from '../job-results.ts';
import { Award } from '../messages/auction.ts';
import { CloudEvent } from '../messages/event.ts';
import { EXCHANGES } from '../messages/exchanges.ts';
import { JobEvent } from '../messages/job.ts';
import type { Exchange } from '../messages/message.ts';
import { Announce } from '../messages/node.ts';
import { ContainerRecord } from '../record.ts';
import { EXCHANGE_TEXTS, type ExchangeText } from './exchange-texts.ts';

/** One request of the bus, as the table, the schemas and the AsyncAPI document need it. */
export interface Request extends Exchange, ExchangeText {
  /** The subject without its prefix, such as `node.<node>.info`. */
  readonly subject: string;
  readonly family: string;
  readonly verb: string;
}

const PARAMETERS: Readonly<Record<string, string>> = { node: '<node>', container: '<name>', job: '<job>' };

/** Every request, in the order of EXCHANGES. */
export function requests(): Request[] {
  return Object.entries(EXCHANGES).flatMap(([family, verbs]) => {
    const texts = EXCHANGE_TEXTS[family as keyof typeof EXCHANGE_TEXTS] as Readonly<
      Record<string, ExchangeText>
    >;
    return Object.entries(verbs as Readonly<Record<string, Exchange>>).map(([verb, exchange]) => {
      const text = texts[verb];
      assert(text, `a text for ${family}.${verb}`);
      const subject = [family === 'scatter' ? undefined : family, PARAMETERS[family], verb]
        .filter((part) => part !== undefined)
        .join('.');
      return { subject, family, verb, ...exchange, ...text };
    });
  });
}

/** Every schema that travels or is kept, by kind: `node.info` for the type `io.godwit.v1.node.info`. */
export function kinds(): ReadonlyMap<string, z.ZodType> {
  const schemas = [
    ...requests().flatMap(({ request, reply }) => [request, reply]),
    ...[
      Announce,
      Award,
      JobEvent,
      CloudEvent,
      ContainerRecord,
      Job,
      MigrateResult,
      CheckpointResult,
      RestoreResult,
      EvacuateResult,
    ],
  ];
  const found = new Map<string, z.ZodType>();
  for (const schema of schemas) {
    const kind = kindOf(schema);
    const other = found.get(kind);
    assert(other === undefined || other === schema, `one schema for the kind ${kind}`);
    found.set(kind, schema);
  }
  return new Map([...found].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** The kind a schema's literal `type` names; events are CloudEvents and have none of ours. */
export function kindOf(schema: z.ZodType): string {
  const { type } = (schema as z.ZodObject).shape as Readonly<Record<string, z.ZodType | undefined>>;
  const literal = type && (type as z.ZodLiteral<string>).value;
  return typeof literal === 'string' ? literal.replace(/^io\.godwit\.v1\./, '') : 'cloudevent';
}
