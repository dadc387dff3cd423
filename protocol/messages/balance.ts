import { z } from 'zod';
import { LIMITS } from '../limits.ts';
import { BalanceMove } from '../placement/balance/words.ts';
import { Usage } from '../placement/load.ts';
import { message } from './message.ts';

/** What would this node give away now? Nothing is moved or promised. */
export const BalanceRequest = message('node.balance.request', {
  /** What other nodes plan already: their targets will be that much fuller. */
  planned: z
    .array(z.object({ target: z.string(), usage: Usage, memoryBytes: z.number().nonnegative() }))
    .max(LIMITS.balanceMoves)
    .default([]),
});
export type BalanceRequest = z.infer<typeof BalanceRequest>;

export const BalanceReply = message('node.balance', {
  node: z.string(),
  /** In the order in which they help most; empty: it is as it should be. */
  moves: z.array(BalanceMove).max(LIMITS.balanceMoves),
  /** Moves that would help, and what their targets say against them. */
  refusals: z.array(z.object({ container: z.string(), node: z.string(), reason: z.string() })),
  /** How many other nodes it compared itself to. */
  compared: z.number().int().nonnegative(),
});
export type BalanceReply = z.infer<typeof BalanceReply>;
