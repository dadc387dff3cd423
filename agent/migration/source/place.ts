import { GodwitError, NodeInfo } from '../../../protocol/mod.ts';
import { standing } from '../../preflight/catalogue.ts';
import type { Agent } from '../agent.ts';
import { type Offer, offerTo, type Proposal, refusedError } from './negotiate.ts';

/** How long nodes are waited for when no target is named. */
const GATHER_MS = 500;

/**
 * A place for the container: the target that was named, or the first one that takes it, those with the most free
 * memory asked first.
 * @throws GodwitError PREFLIGHT_REFUSED, NO_TARGET, and what offerTo throws
 */
export async function findPlace(agent: Agent, proposal: Proposal): Promise<Offer> {
  const { target, unsafe } = proposal.request;
  if (target !== undefined) return taken(await offerTo(agent, target, proposal), proposal);

  const reasons: string[] = [];
  for (const candidate of await candidates(agent)) {
    try {
      const offer = await offerTo(agent, candidate, proposal);
      if (standing(offer.refusals, unsafe).length === 0) return offer;
      reasons.push(refusedError(offer).message);
    } catch (error) {
      if (!(error instanceof GodwitError)) throw error;
      reasons.push(`${candidate}: ${error.message}`);
    }
  }
  const problem = reasons.length > 0 ? reasons.join('; ') : 'no other node answers';
  throw new GodwitError('NO_TARGET', { container: proposal.owned.record.name, problem });
}

/** A dry run shows the reasons; a real one stops at them. */
function taken(offer: Offer, { request }: Proposal): Offer {
  if (!request.dryRun && standing(offer.refusals, request.unsafe).length > 0) throw refusedError(offer);
  return offer;
}

async function candidates(agent: Agent): Promise<string[]> {
  const body = { type: 'io.godwit.v1.node.info.request' };
  const replies = await agent.bus.gather(agent.subjects.all('info'), body, { maxWaitMs: GATHER_MS });
  return replies
    .flatMap((reply) => NodeInfo.safeParse(reply).data ?? [])
    .filter((info) => info.node !== agent.config.node && info.state === 'up')
    .sort((a, b) => b.memoryAvailableBytes - a.memoryAvailableBytes || a.node.localeCompare(b.node))
    .map((info) => info.node);
}
