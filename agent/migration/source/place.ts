import { GodwitError, LIMITS, type Refusal } from '../../../protocol/mod.ts';
import { holdAuction, isBid } from '../../cluster/auction/hold.ts';
import { standing } from '../../preflight/catalogue.ts';
import type { Agent } from '../agent.ts';
import { type Offer, offerTo, type Proposal, refusedError } from './negotiate.ts';

/** Bids that are followed up: more nodes that bid and then refuse are no chance. */
const TRIES = 8;

/** Why nodes cannot take it, each in its last word. */
type Said = Map<string, { readonly problem: string; readonly refusals: readonly Refusal[] }>;

/**
 * A place for the container: the target that was named, or by auction the best bidder whose `prepare` agrees.
 * @throws GodwitError PREFLIGHT_REFUSED, NO_TARGET with the reasons of every node, and what offerTo throws
 */
export function findPlace(agent: Agent, proposal: Proposal): Promise<Offer> {
  const { group } = proposal.owned.spec.policy.placement ?? {};
  return agent.groupTurns.inTurn(group, () => placeOf(agent, proposal));
}

async function placeOf(agent: Agent, proposal: Proposal): Promise<Offer> {
  const { target } = proposal.request;
  if (target !== undefined) return taken(await offerTo(agent, target, proposal), proposal);

  const { job: auction, owned, exclude = [], request } = proposal;
  const said: Said = new Map();
  const asked = new Set<string>();
  for (const patient of [false, true]) {
    const { entries } = await holdAuction(agent, {
      auction,
      owned,
      exclude,
      dryRun: request.dryRun,
      patient,
    });
    const news = entries.filter(({ node }) => !asked.has(node));
    for (const { node, refusals } of news.filter((entry) => !isBid(entry)))
      said.set(node, { problem: `${node}: ${refusals.map(({ message }) => message).join(', ')}`, refusals });
    const bids = news.filter(isBid).slice(0, TRIES);
    for (const { node } of bids) {
      asked.add(node);
      const offer = await agreed(agent, node, proposal, said);
      if (offer) return offer;
    }
    if (!slowMayHelp(agent, bids.length, said)) break;
  }
  throw noTarget(
    owned.record.name,
    [...said.values()].map(({ problem }) => problem),
    refusalsIn(said),
  );
}

/** What this node offers; undefined when it refuses, which is noted. */
async function agreed(
  agent: Agent,
  node: string,
  proposal: Proposal,
  said: Said,
): Promise<Offer | undefined> {
  try {
    const offer = await offerTo(agent, node, proposal);
    const refusals = standing(offer.refusals, proposal.request.unsafe);
    if (refusals.length === 0) return offer;
    said.set(node, { problem: refusedError(offer).message, refusals });
  } catch (error) {
    if (!(error instanceof GodwitError)) throw error;
    said.set(node, { problem: `${node}: ${error.message}`, refusals: [] });
  }
  return undefined;
}

/**
 * An auction ends when a bid is there and answers stop coming. Where all who bid refuse when they look thoroughly, others may only
 * have been slow; but not where nobody has bid (then all had their time), where very many have, where the reason is this node's own,
 * or where one will have room: it is waited for, by auctions that hear the slow ones too.
 */
function slowMayHelp({ config }: Agent, bids: number, said: Said): boolean {
  const refusals = refusalsIn(said);
  if (bids === 0 || bids === TRIES || refusals.some(({ node }) => node === config.node)) return false;
  return !refusals.some(({ node }) => busyOnly(refusals, node));
}

function refusalsIn(said: Said): Refusal[] {
  return [...said.values()].flatMap(({ refusals }) => refusals);
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

/** A dry run shows the reasons; a real one stops at them. */
function taken(offer: Offer, { request }: Proposal): Offer {
  if (!request.dryRun && standing(offer.refusals, request.unsafe).length > 0) throw refusedError(offer);
  return offer;
}
