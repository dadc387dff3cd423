import { z } from 'zod';
import { kinds } from './kinds.ts';

/** A JSON Schema as plain data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** `protocol/schema/<kind>.json`: what a sender must send (defaults are optional, unknown keys allowed). */
export function renderSchemas(): ReadonlyMap<string, string> {
  return new Map(
    [...kinds()].map(([kind, schema]) => [
      `protocol/schema/${kind}.json`,
      `${JSON.stringify({ $id: `https://godwit.dev/schema/v1/${kind}.json`, title: titleOf(kind), ...toJsonSchema(schema, 'draft-2020-12') }, null, 2)}\n`,
    ]),
  );
}

/** The type a kind carries on the bus. */
export function titleOf(kind: string): string {
  return kind === 'cloudevent' ? 'CloudEvents 1.0' : `io.godwit.v1.${kind}`;
}

/** What a sender must send, in a dialect of JSON Schema. */
export function toJsonSchema(schema: z.ZodType, target: 'draft-2020-12' | 'draft-7'): JsonSchema {
  return z.toJSONSchema(schema, { io: 'input', target });
}
