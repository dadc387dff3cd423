import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BID_MS, type BidderState, bidderStep, NOTHING_PROMISED, promisedBytes } from './bidder.ts';
import { combined, loadOf, NO_USAGE, plus, sumOfUsage } from './load.ts';
import { askingFor, isAsked } from './sample.ts';
import { rank, scoreOf } from './score.ts';
import { anyLoad, anyUsage, bidder, question } from './testing.ts';
import type { Answer, Question } from './words.ts';

function ask(state: BidderState, one: Question, nowMs: number, facts = bidder()) {
  const { state: next, effects } = bidderStep(state, { kind: 'asked', question: one, facts, nowMs });
  return { state: next, answer: effects[0]!.answer };
}

const events = fc.array(
  fc.record({
    kind: fc.constantFrom('asked', 'prepared', 'ended'),
    auction: fc.constantFrom('a', 'b', 'c', 'd'),
    bytes: fc.integer({ min: 0, max: 600 }),
    afterMs: fc.integer({ min: 0, max: 4_000 }),
    stays: fc.boolean(),
  }),
  { maxLength: 40 },
);

describe('a bidder', () => {
  it('never promises more memory than it has, whatever it is asked and told', () => {
    fc.assert(
      fc.property(events, (list) => {
        let state = NOTHING_PROMISED;
        let nowMs = 0;
        for (const { kind, auction, bytes, afterMs, stays } of list) {
          nowMs += afterMs;
          const one = question({ auction, container: `c${auction}`, memoryBytes: bytes });
          if (kind === 'asked') state = ask(state, one, nowMs).state;
          else if (kind === 'prepared') state = bidderStep(state, { kind, auction, nowMs }).state;
          else state = bidderStep(state, { kind: 'ended', auction, stays, nowMs }).state;
          expect(promisedBytes(state, 'none', nowMs)).toBeLessThanOrEqual(bidder().memoryAvailableBytes);
        }
      }),
    );
  });

  it('counts what comes in the load it tells the next one, and no mere bid', () => {
    fc.assert(
      fc.property(fc.array(anyUsage, { maxLength: 6 }), anyUsage, (usages, last) => {
        let state = NOTHING_PROMISED;
        for (const [i, usage] of usages.entries())
          state = bidderStep(ask(state, question({ auction: `a${i}`, container: `c${i}`, usage }), 0).state, {
            kind: 'prepared',
            auction: `a${i}`,
            nowMs: 0,
          }).state;
        state = ask(state, question({ auction: 'lost', container: 'lost', usage: last }), 0).state;
        const { answer } = ask(state, question({ auction: 'last', container: 'last', usage: last }), 0);
        const { capacity, load } = bidder();
        const promised = plus(combined(load), loadOf(sumOfUsage(usages), capacity));
        expect(answer.load.cpu).toBeCloseTo(promised.cpu, 9);
        expect(answer.after.cpu).toBeCloseTo(plus(promised, loadOf(last, capacity)).cpu, 9);
      }),
    );
  });

  it('lets a bid lapse by itself, but not one that was taken', () => {
    const bid = ask(NOTHING_PROMISED, question({ memoryBytes: 700 }), 0).state;
    const other = question({ auction: 'b', container: 'other', memoryBytes: 700 });
    expect(ask(bid, other, BID_MS - 1).answer.reasons.map(({ code }) => code)).toEqual(['MEMORY_PROMISED']);
    expect(ask(bid, other, BID_MS).answer.reasons).toEqual([]);
    const taken = bidderStep(bid, { kind: 'prepared', auction: 'a', nowMs: 1 }).state;
    expect(ask(taken, other, 60 * BID_MS).answer.reasons).toHaveLength(1);
    const gone = bidderStep(taken, { kind: 'ended', auction: 'a', stays: false, nowMs: 2 }).state;
    expect(ask(gone, other, 3).answer.reasons).toEqual([]);
  });

  it('has back at once what it kept for an auction that others win, but not what arrives', () => {
    const other = question({ auction: 'b', container: 'other', memoryBytes: 700 });
    const bid = ask(NOTHING_PROMISED, question({ memoryBytes: 700 }), 0).state;
    const lost = bidderStep(bid, { kind: 'lost', auction: 'a', nowMs: 1 }).state;
    expect(ask(lost, other, 2).answer.reasons).toEqual([]);
    const taken = bidderStep(bid, { kind: 'prepared', auction: 'a', nowMs: 1 }).state;
    expect(bidderStep(taken, { kind: 'lost', auction: 'a', nowMs: 2 }).state.promised).toHaveLength(1);
  });

  it('counts a firm bid at once, and gives one at a time', () => {
    const usage = { ...NO_USAGE, cpus: 2 };
    const first = ask(NOTHING_PROMISED, question({ firm: true, usage }), 0);
    expect(first.answer.reasons).toEqual([]);
    const second = ask(first.state, question({ firm: true, auction: 'b', container: 'b', usage }), 1).answer;
    expect(second.reasons.map(({ code }) => code)).toEqual(['JOBS_FULL']);
    expect(second.load.cpu).toBeCloseTo(first.answer.after.cpu);
    const third = question({ auction: 'c', container: 'c', usage });
    expect(ask(first.state, third, 1).answer.reasons).toEqual([]);
  });

  it('replaces what it promised to the same container, and does not count it against it', () => {
    const first = ask(NOTHING_PROMISED, question({ memoryBytes: 700 }), 0).state;
    const again = ask(first, question({ auction: 'again', memoryBytes: 700 }), 1);
    expect(again.answer.reasons).toEqual([]);
    expect(again.state.promised).toHaveLength(1);
  });

  it('says all its reasons at once', () => {
    const placement = { group: 'g', apart: 'require', require: { zone: 'a', disk: 'ssd' } } as const;
    const one = question({ arch: 'arm64', exclude: ['n1'], memoryBytes: 5_000, placement });
    const facts = bidder({
      state: 'draining',
      labels: { zone: 'a' },
      nameInUse: true,
      arrivals: 4,
      groupMembers: 1,
    });
    expect(ask(NOTHING_PROMISED, one, 0, facts).answer.reasons).toEqual([
      { code: 'NODE_EXCLUDED', what: 'n1' },
      { code: 'NODE_CORDONED', what: 'draining' },
      { code: 'ARCH_DIFFERS', what: 'arm64 at the source, x64 here' },
      { code: 'LABELS_MISSING', what: 'disk=ssd' },
      { code: 'NAME_IN_USE', what: 'web' },
      { code: 'JOBS_FULL', what: '4 incoming moves of at most 4' },
      { code: 'MEMORY_ROOM', what: '1 MiB needed, 1 MiB available' },
      { code: 'GROUP_APART', what: '1 of group g' },
    ]);
  });

  it('counts members of the group that are on their way here', () => {
    const placement = { group: 'g', apart: 'require' } as const;
    const bid = ask(NOTHING_PROMISED, question({ placement }), 0).state;
    const next = question({ auction: 'b', container: 'b', placement });
    expect(ask(bid, next, 1).answer.reasons).toEqual([]);
    const first = bidderStep(bid, { kind: 'prepared', auction: 'a', nowMs: 1 }).state;
    expect(ask(first, next, 2).answer.reasons.map(({ code }) => code)).toEqual(['GROUP_APART']);
  });
});

const anyAnswer = fc.record({
  node: fc.stringMatching(/^n[0-9]{1,3}$/),
  load: anyLoad,
  after: anyLoad,
  groupMembers: fc.integer({ min: 0, max: 3 }),
  reasons: fc.oneof(fc.constant([]), fc.constant([{ code: 'NODE_CORDONED' as const, what: 'x' }])),
});
const answers = fc.uniqueArray(anyAnswer, { selector: ({ node }) => node, maxLength: 12 });
const level = () => ({ transferMs: 0, failures: 0 });
const answerOf = (node: string, after: Partial<Answer['after']>, part: Partial<Answer> = {}): Answer => ({
  node,
  reasons: [],
  load: { cpu: 0, memory: 0, io: 0, network: 0 },
  after: { cpu: 0, memory: 0, io: 0, network: 0, ...after },
  groupMembers: 0,
  ...part,
});

describe('a ranking', () => {
  it('does not depend on the order of the answers', () => {
    fc.assert(
      fc.property(answers, fc.infiniteStream(fc.nat()), (list, chance) => {
        const shuffled = list
          .map((one) => ({ one, at: chance.next().value }))
          .sort((a, b) => a.at - b.at)
          .map(({ one }) => one);
        const names = (some: readonly Answer[]) =>
          rank(some, undefined, level).map(({ answer }) => answer.node);
        expect(names(shuffled)).toEqual(names(list));
      }),
    );
  });

  it('has every answer once, bids first and none that refuses among them', () => {
    fc.assert(
      fc.property(answers, (list) => {
        const ranked = rank(list, undefined, level);
        expect(ranked.map(({ answer }) => answer.node).sort()).toEqual(list.map(({ node }) => node).sort());
        const bids = ranked.filter(({ score }) => score !== undefined);
        expect(ranked.slice(0, bids.length)).toEqual(bids);
        expect(bids.every(({ answer }) => answer.reasons.length === 0)).toBe(true);
        expect(bids.map(({ score }) => score)).toEqual(bids.map(({ score }) => score!).sort((a, b) => b - a));
      }),
    );
  });

  it('adds up the parts it shows', () => {
    fc.assert(
      fc.property(
        anyLoad,
        fc.nat(600_000),
        fc.double({ min: 0, max: 3, noNaN: true }),
        (after, transferMs, failures) => {
          const { score, parts } = scoreOf(
            { after, groupMembers: 1 },
            { group: 'g', apart: 'prefer' },
            { transferMs, failures },
          );
          const { largest: _name, ...points } = parts;
          expect(Object.values(points).reduce((sum, one) => sum + one, 0)).toBeCloseTo(score, 6);
        },
      ),
    );
  });

  it('goes by the largest component, not by the mean: memory goes where memory idles', () => {
    const ranked = rank(
      [answerOf('memory', { memory: 0.9 }), answerOf('cpu', { cpu: 0.6, memory: 0.5, io: 0.6 })],
      undefined,
      level,
    );
    expect(ranked.map(({ answer }) => answer.node)).toEqual(['cpu', 'memory']);
  });

  it('counts recent failures and the way there against a node, ties by its id', () => {
    const equal = ['n3', 'n1', 'n2', 'n0'].map((node) => answerOf(node, { cpu: 0.5 }));
    const way = (node: string) => ({
      transferMs: node === 'n1' ? 100_000 : 0,
      failures: node === 'n0' ? 1 : 0,
    });
    expect(rank(equal, undefined, way).map(({ answer }) => answer.node)).toEqual(['n2', 'n3', 'n1', 'n0']);
  });

  it('keeps a group together where it is', () => {
    const placement = { group: 'g', together: 'require' } as const;
    const list = [answerOf('empty', {}), answerOf('host', { cpu: 0.9 }, { groupMembers: 2 })];
    const [first, second] = rank(list, placement, level);
    expect(first?.answer.node).toBe('host');
    expect(second?.reasons).toEqual([{ code: 'GROUP_TOGETHER', what: 'group g is on host' }]);
    const full = [list[0]!, { ...list[1]!, reasons: [{ code: 'NODE_CORDONED' as const, what: 'x' }] }];
    expect(rank(full, placement, level).every(({ score }) => score === undefined)).toBe(true);
    expect(rank([list[0]!], placement, level)[0]?.score).toBeDefined();
  });
});

describe('a sample', () => {
  it('asks everybody in a small cluster, and about as many as wanted in a large one', () => {
    expect(askingFor(undefined)).toEqual({ share: 1, spreadMs: 0 });
    expect(askingFor(60)).toEqual({ share: 1, spreadMs: 0 });
    for (const nodes of [1_000, 10_000]) {
      const { share, spreadMs } = askingFor(nodes);
      const asked = Array.from({ length: nodes }, (_, i) => isAsked(`n${i}`, 'job1', share)).filter(Boolean);
      expect(asked.length).toBeGreaterThan(430);
      expect(asked.length).toBeLessThan(600);
      expect(spreadMs).toBeGreaterThan(0);
    }
  });

  it('is another one for each auction', () => {
    const of = (auction: string) =>
      Array.from({ length: 200 }, (_, i) => isAsked(`n${i}`, auction, 0.5)).join();
    expect(of('a')).not.toBe(of('b'));
  });
});

it('a usage of nothing is no load', () => {
  expect(loadOf(NO_USAGE, bidder().capacity)).toEqual({ cpu: 0, memory: 0, io: 0, network: 0 });
});
