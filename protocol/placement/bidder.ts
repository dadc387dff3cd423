import { combined, loadOf, plus, sumOfUsage, type Usage } from './load.ts';
import type { Answer, BidderFacts, Question, Reason } from './words.ts';

/** How long a bid is good for: the source has to send `prepare` within it. */
export const BID_MS = 5_000;
/** A container that has arrived shows in the measured load after some time; until then its promise counts. */
const SETTLE_MS = 10_000;

/** What a node has promised to one auction. `untilMs` is Infinity while the container arrives. */
export interface Promised {
  readonly auction: string;
  readonly container: string;
  readonly group?: string | undefined;
  readonly usage: Usage;
  readonly memoryBytes: number;
  readonly untilMs: number;
  /** It counts in the load: the source has chosen this node, or asked no other. */
  readonly taken: boolean;
  /** The move has begun. */
  readonly arriving: boolean;
}

export interface BidderState {
  readonly promised: readonly Promised[];
}

export type BidderEvent =
  | {
      readonly kind: 'asked';
      readonly question: Question;
      readonly facts: BidderFacts;
      readonly nowMs: number;
    }
  /** The source has chosen others: nothing is kept for it any more, unless it has come here all the same. */
  | { readonly kind: 'lost'; readonly auction: string; readonly nowMs: number }
  /** The source has chosen this node: the promise holds as long as the move. */
  | { readonly kind: 'prepared'; readonly auction: string; readonly nowMs: number }
  /** The move is over here, the container stays or not. */
  | { readonly kind: 'ended'; readonly auction: string; readonly stays: boolean; readonly nowMs: number };

export interface BidderStep {
  readonly state: BidderState;
  readonly effects: readonly { readonly kind: 'answer'; readonly answer: Answer }[];
}

export const NOTHING_PROMISED: BidderState = { promised: [] };

/** The bidder's half of an auction. Pure; a promise that nobody takes lapses by itself. */
export function bidderStep(before: BidderState, event: BidderEvent): BidderStep {
  const state = { promised: before.promised.filter(({ untilMs }) => untilMs > event.nowMs) };
  switch (event.kind) {
    case 'asked':
      return asked(state, event.question, event.facts, event.nowMs);
    case 'prepared':
      return { state: prolong(state, event.auction, Number.POSITIVE_INFINITY), effects: [] };
    case 'lost': {
      const promised = state.promised.filter(
        ({ auction, arriving }) => auction !== event.auction || arriving,
      );
      return { state: { promised }, effects: [] };
    }
    case 'ended': {
      const rest = { promised: state.promised.filter(({ auction }) => auction !== event.auction) };
      const after = event.stays ? prolong(state, event.auction, event.nowMs + SETTLE_MS) : rest;
      return { state: after, effects: [] };
    }
  }
}

/** Memory that is promised to others than this auction. */
export function promisedBytes({ promised }: BidderState, except: string, nowMs: number): number {
  return promised
    .filter(({ auction, untilMs }) => auction !== except && untilMs > nowMs)
    .reduce((bytes, { memoryBytes }) => bytes + memoryBytes, 0);
}

function asked(state: BidderState, question: Question, facts: BidderFacts, nowMs: number): BidderStep {
  const { auction, container, usage, memoryBytes, placement } = question;
  // Somebody who asks again for the same container has given up the answer before.
  const others = state.promised.filter((one) => one.auction !== auction && one.container !== container);
  // Memory is kept for each bid. In the load only what comes counts: every node has bid for the same containers, which says
  // nothing of where they go, and the one that gets them would look no fuller than the others.
  const taken = others.filter((one) => one.taken);
  const promised = loadOf(sumOfUsage(taken.map((one) => one.usage)), facts.capacity);
  const load = plus(combined(facts.load), promised);
  const after = plus(load, loadOf(usage, facts.capacity));
  const { group } = placement ?? {};
  const coming = group === undefined ? 0 : taken.filter((one) => one.group === group).length;
  const groupMembers = facts.groupMembers + coming;
  // Who balances asks one node after the other, and a node takes one such container at a time.
  const promisedMoves = others.filter((one) => one.taken && !one.arriving).length;
  const arrivals = question.firm ? { arrivals: facts.arrivals + promisedMoves, arrivalsMax: 1 } : {};
  const reasons = reasonsAgainst(
    question,
    { ...facts, ...arrivals, groupMembers },
    promisedBytes({ promised: others }, auction, nowMs),
  );
  const answer: Answer = { node: facts.node, reasons, load, after, groupMembers };
  const bid = {
    ...{ auction, container, group, usage, memoryBytes },
    untilMs: nowMs + BID_MS,
    taken: question.firm === true,
    arriving: false,
  };
  return {
    state: { promised: reasons.length === 0 ? [...others, bid] : others },
    effects: [{ kind: 'answer', answer }],
  };
}

function reasonsAgainst(question: Question, facts: BidderFacts, promised: number): Reason[] {
  const { container, source, exclude, arch, memoryBytes, placement } = question;
  const { node, state, labels, memoryAvailableBytes: available } = facts;
  const found: Reason[] = [];
  const add = (code: Reason['code'], what: string) => found.push({ code, what });
  if (node === source) add('SAME_NODE', node);
  if (exclude.includes(node)) add('NODE_EXCLUDED', node);
  if (state !== 'up') add('NODE_CORDONED', state);
  if (arch !== facts.arch) add('ARCH_DIFFERS', `${arch} at the source, ${facts.arch} here`);
  const missing = Object.entries(placement?.require ?? {}).filter(([name, value]) => labels[name] !== value);
  if (missing.length > 0)
    add('LABELS_MISSING', missing.map(([name, value]) => `${name}=${value}`).join(', '));
  if (facts.nameInUse) add('NAME_IN_USE', container);
  if (facts.arrivals >= facts.arrivalsMax)
    add('JOBS_FULL', `${facts.arrivals} incoming moves of at most ${facts.arrivalsMax}`);
  const room = `${mebibytes(memoryBytes)} needed, ${mebibytes(available)} available`;
  if (available < memoryBytes) add('MEMORY_ROOM', room);
  else if (available - promised < memoryBytes)
    add('MEMORY_PROMISED', `${room}, ${mebibytes(promised)} of it promised to others`);
  if (placement?.apart === 'require' && facts.groupMembers > 0)
    add('GROUP_APART', `${facts.groupMembers} of group ${placement.group}`);
  return found;
}

function prolong(state: BidderState, auction: string, untilMs: number): BidderState {
  return {
    promised: state.promised.map((one) =>
      one.auction === auction ? { ...one, untilMs, taken: true, arriving: true } : one,
    ),
  };
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024 / 1024)} MiB`;
}
