import { decode } from '../../../protocol/codec.ts';
import {
  type AuctionReply,
  type AuctionRequest,
  Award,
  BID_MS,
  type BidderFacts,
  type BidderState,
  bidderStep,
  EXCHANGES,
  isAsked,
  NO_LOAD,
  NOTHING_PROMISED,
  promisedBytes,
} from '../../../protocol/mod.ts';
import type { Stoppable } from '../../bus/bus.ts';
import { memoryAvailableBytes } from '../../host/kernel.ts';
import type { Agent } from '../../migration/agent.ts';
import { typeOf } from '../../node/endpoints.ts';
import { refuse } from '../../preflight/catalogue.ts';

/** This node's promises: performs what the bidder's core decides. */
export class Bidding {
  private state: BidderState = NOTHING_PROMISED;
  private readonly ofAgent: () => Agent;

  /** @param ofAgent which is made of this, among others */
  constructor(ofAgent: () => Agent) {
    this.ofAgent = ofAgent;
  }

  /** @throws GodwitError HOST_FAILED */
  async answer(question: AuctionRequest): Promise<Omit<AuctionReply, 'type'>> {
    const facts = await this.facts(question);
    const { state, effects } = bidderStep(this.state, {
      kind: 'asked',
      question,
      facts,
      nowMs: this.nowMs(),
    });
    if (!question.dryRun) this.state = state;
    const [{ answer }] = effects as [(typeof effects)[number]];
    const { node, load, after, groupMembers } = answer;
    return {
      node,
      auction: question.auction,
      refusals: answer.reasons.map(({ code, what }) => refuse(code, node, what)),
      load,
      after,
      groupMembers,
      capacity: facts.capacity,
      validMs: question.dryRun || answer.reasons.length > 0 ? 0 : BID_MS,
    };
  }

  /** The source of this auction has chosen this node. */
  prepared(auction: string): void {
    this.state = bidderStep(this.state, { kind: 'prepared', auction, nowMs: this.nowMs() }).state;
  }

  /** Its move is over here. @param stays whether the container is here now */
  ended(auction: string, stays: boolean): void {
    this.state = bidderStep(this.state, { kind: 'ended', auction, stays, nowMs: this.nowMs() }).state;
  }

  /** Others have won this auction. */
  lost(auction: string): void {
    this.state = bidderStep(this.state, { kind: 'lost', auction, nowMs: this.nowMs() }).state;
  }

  /** Memory that others were promised. */
  promisedBytes(except: string): number {
    return promisedBytes(this.state, except, this.nowMs());
  }

  private async facts({ container, placement }: AuctionRequest): Promise<BidderFacts> {
    const agent = this.ofAgent();
    const { config, containers, arriving, load } = agent;
    const { arch } = await agent.capabilities();
    const owned = containers.list();
    return {
      node: config.node,
      state: agent.node.state,
      arch,
      labels: config.labels,
      capacity: load.capacity,
      load: load.node() ?? { use: NO_LOAD, pressure: NO_LOAD },
      memoryAvailableBytes: await memoryAvailableBytes(),
      arrivals: arriving.size,
      arrivalsMax: config.movesInMax,
      nameInUse: containers.has(container),
      groupMembers: owned.filter(
        ({ record, spec }) =>
          record.name !== container &&
          placement?.group !== undefined &&
          spec.policy.placement?.group === placement.group,
      ).length,
    };
  }

  private nowMs(): number {
    return this.ofAgent().clock.monotonicMs();
  }
}

/** Hears who has won: what was kept for an auction that others win is free at once. */
export function listenToAwards({ bus, subjects, config, bidding }: Agent): Promise<Stoppable> {
  return bus.subscribe(subjects.award, ({ body }) => {
    const award = Award.safeParse(body);
    if (award.success && !award.data.kept.includes(config.node)) bidding.lost(award.data.auction);
  });
}

/**
 * Answers auctions. Not by `Bus.serve`: whoever is not in the sample, or has only a refusal that nobody wants to hear, says
 * nothing at all.
 */
export async function serveAuctions(agent: Agent): Promise<Stoppable> {
  const { bus, subjects, random, clock } = agent;
  const { request, reply } = EXCHANGES.scatter.auction;
  return bus.answer(subjects.auction, async (message) => {
    const question = decode(request, message.subject, message.body);
    if (!isAsked(agent.config.node, question.auction, question.share)) return undefined;
    if (question.source === agent.config.node) return undefined;
    if (question.spreadMs > 0) await clock.sleep(random.next() * question.spreadMs);
    const answer = await agent.bidding.answer(question);
    if (answer.refusals.length > 0 && !question.explain) return undefined;
    return { type: typeOf(reply), ...answer };
  });
}
