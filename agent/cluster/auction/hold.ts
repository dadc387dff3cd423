import {
  type AuctionEntry,
  type AuctionReply,
  AuctionReply as AuctionReplySchema,
  type AuctionRequest,
  type Award,
  askingFor,
  NO_USAGE,
  type Ranked,
  type Reason,
  rank,
  type Usage,
} from '../../../protocol/mod.ts';
import type { Owned } from '../../containers/owned.ts';
import type { Agent } from '../../migration/agent.ts';
import { refuse } from '../../preflight/catalogue.ts';

/** Nodes that are well answer within milliseconds; when answers have stopped coming for so long, all have come. */
const STALL_MS = 150;
const FIRST_MS = 1_000;
/** While nobody can have it: busy nodes get more time, all of it. */
const AGAIN_MS = 2_500;
/** So many of the best keep their promise: one of them gets it, unless all refuse when they look thoroughly. */
const KEPT = 3;
/** A target needs some more than the container has now. */
export const ROOM_FACTOR = 1.1;

/** What an auction came to. */
export interface Held {
  readonly usage: Usage;
  readonly memoryBytes: number;
  /** The best bid first, then the refusals. */
  readonly entries: readonly AuctionEntry[];
}

export interface Wish {
  /** Id of the job that moves it. */
  readonly auction: string;
  readonly owned: Owned;
  readonly exclude?: readonly string[];
  /** Only look, nothing is promised. */
  readonly dryRun?: boolean;
  /** Those that are quick are known, and no help: every node gets all the time there is. */
  readonly patient?: boolean;
}

/**
 * Asks all nodes (of a very large cluster a sample) who takes the container, and ranks the answers.
 * @throws GodwitError RUNTIME_FAILED
 */
export async function holdAuction(agent: Agent, wish: Wish): Promise<Held> {
  const { bus, subjects, config } = agent;
  const question = await questionOf(agent, wish);
  const ask = async (limits: { maxWaitMs: number; stallMs?: number }) => {
    const heard = await bus.gather(subjects.auction, question, limits);
    const replies = heard.flatMap((reply) => AuctionReplySchema.safeParse(reply).data ?? []);
    const others = onePerNode(replies).filter(({ node }) => node !== config.node);
    return ranked(agent, wish.owned, question, others);
  };
  const wait = question.spreadMs;
  const quick = { maxWaitMs: FIRST_MS + wait, stallMs: STALL_MS + wait / 4 };
  let entries = wish.patient ? [] : await ask(quick);
  if (!entries.some(isBid)) entries = await ask({ maxWaitMs: AGAIN_MS });
  agent.nodes.seen = entries.length / question.share;
  const { usage, memoryBytes } = question;
  if (!question.dryRun) award(agent, question.auction, entries);
  return { usage, memoryBytes, entries };
}

/** Whether this node can have it, as far as is known. */
export function isBid({ score }: AuctionEntry): boolean {
  return score !== undefined;
}

/** Lets all but the best bidders have back at once what they keep for it. */
function award({ bus, subjects }: Agent, auction: string, entries: readonly AuctionEntry[]): void {
  const bidders = entries.filter(isBid).map(({ node }) => node);
  if (bidders.length <= KEPT) return;
  const message: Award = { type: 'io.godwit.v1.award', auction, kept: bidders.slice(0, KEPT) };
  bus.publish(subjects.award, message);
}

/** Ranks answers as the source of the move sees them. */
export function ranked(
  agent: Agent,
  { spec }: Owned,
  { memoryBytes }: Pick<AuctionRequest, 'memoryBytes'>,
  replies: readonly AuctionReply[],
): AuctionEntry[] {
  const byNode = new Map(replies.map((reply) => [reply.node, reply]));
  // Refusals travel with their words; of the reasons only their number matters for the ranking.
  const answers = replies.map(({ node, load, after, groupMembers, refusals }) => ({
    node,
    load,
    after,
    groupMembers,
    reasons: refusals.map((): Reason => ({ code: 'NODE_EXCLUDED', what: node })),
  }));
  const nowMs = agent.clock.monotonicMs();
  const way = (node: string) => ({
    transferMs: (memoryBytes / agent.pairs.modelOf(node).linkBytesPerSecond) * 1000,
    failures: agent.failures.of(node, nowMs),
  });
  return rank(answers, spec.policy.placement, way).map((one) => entryOf(one, byNode.get(one.answer.node)));
}

/** What a container's move asks of its target. @throws GodwitError RUNTIME_FAILED */
export async function questionOf(agent: Agent, wish: Wish): Promise<AuctionRequest> {
  const { record, spec } = wish.owned;
  const [stats, { arch }] = await Promise.all([agent.runtime.stats(record.name), agent.capabilities()]);
  const { placement } = spec.policy;
  return {
    type: 'io.godwit.v1.auction.request',
    auction: wish.auction,
    container: record.name,
    source: agent.config.node,
    arch,
    usage: agent.load.usage(record.name) ?? { ...NO_USAGE, memoryBytes: stats.memoryBytes },
    memoryBytes: Math.ceil(stats.memoryBytes * ROOM_FACTOR),
    exclude: [...(wish.exclude ?? [])],
    ...(placement ? { placement } : {}),
    explain: true,
    dryRun: wish.dryRun === true,
    firm: false,
    ...askingFor(agent.nodes.seen),
  };
}

function entryOf({ answer, reasons, score, parts }: Ranked, reply: AuctionReply | undefined): AuctionEntry {
  const { node, load, after } = answer;
  const own = reasons.filter(({ code }) => code === 'GROUP_TOGETHER');
  const refusals = [...(reply?.refusals ?? []), ...own.map(({ code, what }) => refuse(code, node, what))];
  return {
    node,
    load,
    after,
    refusals,
    ...(score === undefined ? {} : { score }),
    ...(parts ? { parts } : {}),
  };
}

/** A node that was asked twice has answered twice: the later answer counts. */
function onePerNode(replies: readonly AuctionReply[]): AuctionReply[] {
  return [...new Map(replies.map((reply) => [reply.node, reply])).values()];
}
