import { AT_REST, type BalanceRules } from '../../../protocol/mod.ts';
import type { Stoppable } from '../../bus/bus.ts';
import type { Agent } from '../../migration/agent.ts';
import { balanceRound } from './round.ts';
import { sampleNodes } from './sample.ts';

/** One alone may be a sample's luck, or a moment's load. */
const LOOKS = 2;
/** Agents that start together do not listen together. */
const FIRST_MS = 5_000;

/**
 * Learns soon after the start how many nodes there are, about, so that the first auction of a large cluster asks a sample of
 * them; where the configuration says so, gives containers away whenever this node is much fuller than others.
 */
export function keepBalancing(agent: Agent): Stoppable {
  const { config, clock, random, log } = agent;
  const { automatic, stayMs, ...settings } = config.balance;
  const rules: BalanceRules = { purpose: 'act', looks: LOOKS, ...settings };
  const stop = new AbortController();
  const stays = sinceWhen(agent);
  const run = async () => {
    await clock.sleep(FIRST_MS * random.next(), stop.signal);
    await sampleNodes(agent, rules.sample, stop.signal).catch((error: unknown) => {
      log.warn({ err: error }, 'this node could not listen to others; it will again');
    });
    let againAtMs = clock.nowMs() + rules.periodMs * random.next();
    let before = AT_REST;
    while (automatic) {
      await clock.sleep(Math.max(1, againAtMs - clock.nowMs()), stop.signal);
      againAtMs = clock.nowMs() + rules.periodMs * (0.5 + random.next());
      const arrivedAtMs = stays.look();
      if (agent.node.state !== 'up' || agent.arriving.size > 0 || agent.jobs.running() > 0) continue;
      const recent = (container: string) =>
        clock.monotonicMs() - (arrivedAtMs.get(container) ?? Number.NEGATIVE_INFINITY) < stayMs;
      const wish = { before, rules, stays: recent, planned: [], signal: stop.signal };
      const round = await balanceRound(agent, wish).catch((error: unknown) => {
        log.warn({ err: error }, 'this node could not look for balance; it will again');
      });
      againAtMs = round?.againAtMs ?? againAtMs;
      before = round?.after ?? AT_REST;
    }
  };
  const running = run().catch((error: unknown) => {
    if (!stop.signal.aborted) log.error({ err: error }, 'this node no longer balances');
  });
  return {
    stop: async () => {
      stop.abort(new Error('the agent stops'));
      await running;
    },
  };
}

/** When containers came here, as far as this agent has seen; those that it found at its start have been here for ever. */
function sinceWhen({ containers, clock }: Agent): { readonly look: () => ReadonlyMap<string, number> } {
  const known = new Map<string, number>();
  const look = (atMs: number) => {
    const names = containers.list().map(({ record }) => record.name);
    for (const name of known.keys()) if (!names.includes(name)) known.delete(name);
    for (const name of names) if (!known.has(name)) known.set(name, atMs);
    return known;
  };
  look(Number.NEGATIVE_INFINITY);
  return { look: () => look(clock.monotonicMs()) };
}
