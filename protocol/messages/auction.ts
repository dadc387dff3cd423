import { z } from 'zod';
import { LIMITS } from '../limits.ts';
import { Capacity, COMPONENTS, LoadVector, Usage } from '../placement/load.ts';
import { message } from './message.ts';
import { Refusal } from './node.ts';

/** What a container says of where it may be (`<godwit:placement>`). */
export const Placement = z.object({
  group: z.string().optional(),
  together: z.enum(['prefer', 'require']).optional(),
  apart: z.enum(['prefer', 'require']).optional(),
  require: z.record(z.string(), z.string()).optional(),
});

/** Who takes this container? Asked of every node, or of one. The auction's id is that of the job that moves it. */
export const AuctionRequest = message('auction.request', {
  auction: z.string(),
  container: z.string(),
  source: z.string(),
  arch: z.string(),
  usage: Usage,
  /** Room that the move needs on its target. */
  memoryBytes: z.number().nonnegative(),
  exclude: z.array(z.string()).max(LIMITS.gatherReplies).default([]),
  placement: Placement.optional(),
  /** Nodes that do not take it answer too, with their reasons. */
  explain: z.boolean().default(true),
  /** Only look, promise nothing. */
  dryRun: z.boolean().default(false),
  /** No other node is asked: a bid counts as chosen at once, and is given only where nothing else arrives. */
  firm: z.boolean().default(false),
  /** The part of all nodes that is asked, by a hash of node and auction. */
  share: z.number().positive().max(1).default(1),
  /** Each answers after a random part of this. */
  spreadMs: z.number().int().nonnegative().max(2_000).default(0),
});
export type AuctionRequest = z.infer<typeof AuctionRequest>;

/** A node's answer. Without refusals it is a bid: what the container needs is kept for it for `validMs`. */
export const AuctionReply = message('auction', {
  node: z.string(),
  auction: z.string(),
  refusals: z.array(Refusal).max(LIMITS.refusals),
  load: LoadVector,
  after: LoadVector,
  capacity: Capacity,
  groupMembers: z.number().int().nonnegative(),
  validMs: z.number().nonnegative(),
});
export type AuctionReply = z.infer<typeof AuctionReply>;

/** How an auction went on: whoever is not named keeps nothing for it any more. Published, nobody answers. */
export const Award = message('award', {
  auction: z.string(),
  /** The best bidders, of whom one gets the container: the next is asked when the best refuses. */
  kept: z.array(z.string()).max(LIMITS.awardKept),
});
export type Award = z.infer<typeof Award>;

/** One node's place in an auction, as the source ranks it. */
export const AuctionEntry = z.object({
  node: z.string(),
  /** Absent: it does not take the container. */
  score: z.number().optional(),
  parts: z
    .object({
      load: z.number(),
      largest: z.enum(COMPONENTS),
      rest: z.number(),
      cost: z.number(),
      failures: z.number(),
      group: z.number(),
    })
    .optional(),
  load: LoadVector,
  after: LoadVector,
  refusals: z.array(Refusal),
});
export type AuctionEntry = z.infer<typeof AuctionEntry>;

export const ContainerAuctionRequest = message('container.auction.request', {});
/** What an auction would come to now: the best bid first, then the refusals. Nothing is promised or moved. */
export const ContainerAuction = message('container.auction', {
  container: z.string(),
  source: z.string(),
  usage: Usage,
  memoryBytes: z.number(),
  entries: z.array(AuctionEntry),
});
export type ContainerAuction = z.infer<typeof ContainerAuction>;
