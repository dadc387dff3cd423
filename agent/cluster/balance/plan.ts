import {
  AT_REST,
  type BalanceReply,
  type BalanceRequest,
  type BalanceRules,
  LIMITS,
} from '../../../protocol/mod.ts';
import type { Agent } from '../../migration/agent.ts';
import { balanceRound } from './round.ts';

/** An operator who asks wants to see every gain that is worth a move. */
const SHOWN = { purpose: 'show', threshold: 0, minGain: 0.02, looks: 1, periodMs: 0 } as const;
/** Others that it is compared to, more than by itself: an operator waits for one node, not for thousands. */
const SAMPLE = 16;

/** What this node would give away now, and why; nothing is moved or promised. */
export async function planBalance(
  agent: Agent,
  { planned }: BalanceRequest,
): Promise<Omit<BalanceReply, 'type'>> {
  const { node } = agent.config;
  if (agent.node.state !== 'up') return { node, moves: [], refusals: [], compared: 0 };
  const rules: BalanceRules = { ...SHOWN, sample: SAMPLE };
  const { moves, refusals, compared } = await balanceRound(agent, {
    ...{ before: AT_REST, rules, planned },
    stays: () => false,
  });
  return { node, moves: moves.slice(0, LIMITS.balanceMoves), refusals: [...refusals], compared };
}
