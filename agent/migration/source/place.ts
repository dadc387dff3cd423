import { type AuctionEntry, GodwitError, LIMITS, type Refusal } from '../../../protocol/mod.ts';
import { holdAuction } from '../../cluster/auction/hold.ts';
import { standing } from '../../preflight/catalogue.ts';
import type { Agent } from '../agent.ts';
import { type Offer, offerTo, type Proposal, refusedError } from './negotiate.ts';

/** Bids that are followed up: more nodes that bid and then refuse are no chance. */
const TRIES = 8;

/**
 * A place for the container: the target that was named, or by auction the best bidder whose `prepare` agrees.
 * @throws GodwitError PREFLIGHT_REFUSED, NO_TARGET with the reasons of every node, and what offerTo throws
 */
export function findPlace(agent: Agent, proposal: Proposal): Promise<Offer> {
  const { group } = proposal.owned.spec.policy.placement ?? {};
  return agent.groupTurns.inTurn(group, () => placeOf(agent, proposal));
}

async function placeOf(agent: Agent, proposal: Proposal): Promise<Offer> {
  const { target, unsafe, dryRun } = proposal.request;
  if (target !== undefined) return taken(await offerTo(agent, target, proposal), proposal);

  const { job, owned, exclude = [] } = proposal;
  const { entries } = await holdAuction(agent, { auction: job, owned, exclude, dryRun });
  const refusals = entries.flatMap((entry) => entry.refusals);
  const problems = entries.flatMap(problemOf);
  for (const { node } of entries.filter(({ score }) => score !== undefined).slice(0, TRIES)) {
    try {
      const offer = await offerTo(agent, node, proposal);
      const against = standing(offer.refusals, unsafe);
      if (against.length === 0) return offer;
      refusals.push(...against);
      problems.push(refusedError(offer).message);
    } catch (error) {
      if (!(error instanceof GodwitError)) throw error;
      problems.push(`${node}: ${error.message}`);
    }
  }
  throw noTarget(owned.record.name, problems, refusals);
}

/** A node that would take it if it had less to do: it is worth waiting for. */
export function busyNode(error: unknown): string | undefined {
  if (!(error instanceof GodwitError)) return undefined;
  const refusals = (error.details.refusals ?? []) as readonly Refusal[];
  return refusals.find(({ node }) => busyOnly(refusals, node))?.node;
}

/** Too many reasons are cut off, but none that {@link busyNode} needs. */
export function noTarget(
  container: string,
  problems: readonly string[],
  refusals: readonly Refusal[],
): GodwitError {
  const problem = problems.length > 0 ? problems.join('; ') : 'no other node answers';
  const busy = refusals.filter(({ node }) => busyOnly(refusals, node));
  const others = refusals.filter((one) => !busy.includes(one));
  const full = others.filter(({ code }) => code === 'JOBS_FULL');
  const kept = [...busy, ...others.filter((one) => !full.includes(one)), ...full].slice(0, LIMITS.refusals);
  return new GodwitError('NO_TARGET', { container, problem, refusals: kept });
}

function busyOnly(refusals: readonly Refusal[], node: string): boolean {
  return refusals.every((one) => one.node !== node || one.code === 'JOBS_FULL');
}

function problemOf({ node, refusals }: AuctionEntry): string[] {
  return refusals.length === 0 ? [] : [`${node}: ${refusals.map(({ message }) => message).join(', ')}`];
}

/** A dry run shows the reasons; a real one stops at them. */
function taken(offer: Offer, { request }: Proposal): Offer {
  if (!request.dryRun && standing(offer.refusals, request.unsafe).length > 0) throw refusedError(offer);
  return offer;
}
