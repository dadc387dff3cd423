import { z } from 'zod';

/** The `type` every message of this kind carries. */
export type MessageType<Kind extends string> = `io.godwit.v1.${Kind}`;

/**
 * A message schema: a JSON object with a literal `type`. Unknown keys are ignored (a newer peer may say more),
 * missing or wrong ones are refused.
 */
export function message<Kind extends string, Shape extends z.ZodRawShape>(kind: Kind, shape: Shape) {
  return z.object({ type: z.literal(`io.godwit.v1.${kind}` as MessageType<Kind>), ...shape });
}

/** A request and the reply to it. */
export interface Exchange {
  readonly request: z.ZodType;
  readonly reply: z.ZodType;
}
