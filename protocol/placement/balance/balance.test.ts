import { describe, expect, it } from 'vitest';
import { NO_LOAD, type Usage } from '../load.ts';
import { AT_REST, type Balance, type BalanceEvent, balanceStep } from './balance.ts';
import { planMoves } from './plan.ts';
import { answerOf, hereOf, neighbourOf, peakAmong, settle, TEST_RULES, type TestNode } from './testing.ts';
import { wantedUsage } from './wanted.ts';
import type { Movable } from './words.ts';

const capacity = { cpus: 10, memoryBytes: 1_000, ioBytesPerSecond: 100, networkBytesPerSecond: 100 };
const usage = (part: Partial<Usage>): Usage => ({
  cpus: 0,
  memoryBytes: 0,
  ioBytesPerSecond: 0,
  networkBytesPerSecond: 0,
  ...part,
});
const busy = (container: string, cpus: number, part: Partial<Movable> = {}): Movable => ({
  container,
  usage: usage({ cpus }),
  memoryBytes: 1,
  costMs: 1_000,
  ...part,
});
const node = (id: string, containers: Movable[], labels: Record<string, string> = {}): TestNode => ({
  node: id,
  capacity,
  containers,
  labels,
});
const LIMITS = { refused: new Set<string>(), minGain: 0.02, floor: 0 };
const plan = (self: TestNode, ...others: readonly TestNode[]) =>
  planMoves(hereOf(self), others.map(neighbourOf), LIMITS).map(({ container, target }) => [
    container,
    target,
  ]);

describe('a plan', () => {
  it('goes by the largest component: memory goes where memory idles', () => {
    const memory = { container: 'm', usage: usage({ memoryBytes: 600 }), memoryBytes: 1, costMs: 1_000 };
    const full = node('n1', [{ ...memory, container: 'm1', usage: usage({ memoryBytes: 350 }) }, memory]);
    const [emptier, idle] = [node('n2', [busy('a', 5)]), node('n3', [{ ...memory, container: 'b' }])];
    expect(plan(full, idle, emptier)).toEqual([['m1', 'n2']]);
  });

  it('says why: both nodes before and after', () => {
    const [move] = planMoves(
      hereOf(node('n1', [busy('a', 4), busy('b', 4)])),
      [neighbourOf(node('n2', []))],
      LIMITS,
    );
    expect(move).toMatchObject({ component: 'cpu', gain: 0.4, before: { source: 0.8, target: 0 } });
    expect(move?.reason).toBe('n1 is at 80 % (cpu), n2 at 0 %; afterwards 40 % and 40 %');
  });

  it('makes no move that takes longer than its gain lasts', () => {
    const dear = (container: string) => busy(container, 4, { costMs: 400_000 });
    expect(plan(node('n1', [dear('a'), dear('b')]), node('n2', []))).toEqual([]);
  });

  it('keeps groups apart, and does not tear others up', () => {
    const apart = (name: string) => busy(name, 2, { placement: { group: 'g', apart: 'require' } });
    const moves = plan(node('n1', [apart('a'), apart('b'), apart('c')]), node('n2', []), node('n3', []));
    expect(new Set(moves.map(([, target]) => target))).toEqual(new Set(['n2', 'n3']));
    expect(moves).toHaveLength(2);
    const tied = (name: string) => busy(name, 4, { placement: { group: 'g', together: 'require' } });
    expect(plan(node('n1', [tied('a'), tied('b')]), node('n2', []))).toEqual([]);
    const wished = (name: string, cpus: number) =>
      busy(name, cpus, { placement: { group: 'g', together: 'prefer' } });
    expect(plan(node('n1', [wished('a', 1), wished('b', 1)]), node('n2', []))).toEqual([]);
    expect(plan(node('n1', [wished('a', 5), wished('b', 5)]), node('n2', []))).toHaveLength(1);
  });

  it('sends a container only where its labels are, and away from where they are not', () => {
    const picky = busy('a', 4, { placement: { require: { zone: 'a' } } });
    const [wrong, right] = [node('n2', [], { zone: 'b' }), node('n3', [busy('x', 3)], { zone: 'a' })];
    expect(
      plan(node('n1', [picky, busy('b', 4, { placement: picky.placement })], { zone: 'a' }), wrong),
    ).toEqual([]);
    const moves = planMoves(
      hereOf(node('n1', [picky], { zone: 'b' })),
      [wrong, right].map(neighbourOf),
      LIMITS,
    );
    expect(moves).toMatchObject([{ container: 'a', target: 'n3', reason: 'n1 lacks zone=a' }]);
  });

  it('balances the rest where not all find room that may not be here', () => {
    const picky = (name: string) =>
      busy(name, 1, { memoryBytes: 600, placement: { require: { zone: 'a' } } });
    const self = node('n1', [picky('a'), picky('b'), ...['c', 'd', 'e', 'f'].map((name) => busy(name, 2))]);
    expect(plan(self, node('n2', [], { zone: 'a' }))).not.toEqual([]);
  });

  it('takes nothing where there is no room', () => {
    const self = node('n1', [busy('a', 4, { memoryBytes: 2_000 }), busy('b', 4, { memoryBytes: 2_000 })]);
    expect(plan(self, node('n2', []))).toEqual([]);
  });
});

describe('a node that balances', () => {
  const crowd = () => [
    node(
      'n1',
      [1, 2, 3, 4].map((i) => busy(`c${i}`, 2)),
    ),
    node('n2', []),
    node('n3', []),
  ];

  it('plans anew around whoever refuses or does not answer', () => {
    const nodes = crowd();
    const moves = settle(nodes, TEST_RULES, ({ target }) => (target === 'n2' ? ['it is full'] : []));
    expect(moves.map(({ target }) => target)).toEqual(['n3', 'n3']);
    expect(peakAmong(nodes)).toBeCloseTo(0.4);
    const moment = { nowMs: 0, chance: 0.5 };
    const [self, ...others] = crowd() as [TestNode, ...TestNode[]];
    const known = { here: hereOf(self), neighbours: others.map(neighbourOf), ...moment };
    const sampling = balanceStep(AT_REST, { kind: 'look', ...known }, TEST_RULES).state;
    const checking = balanceStep(sampling, { kind: 'sampled', ...known }, TEST_RULES).state;
    const answers = checking.plan.map(({ container, target }) => ({ container, node: target }));
    const silent = balanceStep(checking, { kind: 'checked', answers, ...moment }, TEST_RULES);
    expect(silent.state.phase).toBe('resting');
    expect(silent.effects[0]).toMatchObject({ kind: 'planned', moves: [] });
  });

  it('leaves a node out that refuses everything', () => {
    const many = Array.from({ length: 24 }, (_none, i) => busy(`c${i}`, 0.375));
    const nodes = [node('n1', many), node('n2', [busy('x', 5)]), node('n3', [busy('y', 6)])];
    const moves = settle(nodes, TEST_RULES, ({ target }) => (target === 'n2' ? ['it is full'] : []));
    expect(moves.length).toBeGreaterThan(0);
    expect(new Set(moves.map(({ target }) => target))).toEqual(new Set(['n3']));
  });

  it('leaves a container that it cannot look at, and goes on with the nodes that it did not ask', () => {
    const moment = { nowMs: 0, chance: 0 };
    const [self, ...others] = crowd() as [TestNode, ...TestNode[]];
    const known = { here: hereOf(self), neighbours: others.map(neighbourOf), ...moment };
    const sampling = balanceStep(AT_REST, { kind: 'look', ...known }, TEST_RULES).state;
    const checking = balanceStep(sampling, { kind: 'sampled', ...known }, TEST_RULES).state;
    const [broken] = checking.plan;
    const answers = checking.plan.map((move) =>
      move === broken
        ? { container: move.container, node: move.target, problem: 'it hangs' }
        : answerOf([self, ...others], move, []),
    );
    const again = balanceStep(checking, { kind: 'checked', answers, ...moment }, TEST_RULES).state;
    expect(again.phase).toBe('checking');
    expect(again.neighbours.map((one) => one.node)).toEqual(['n2', 'n3']);
    expect(again.refusals).toEqual([{ container: broken?.container, node: 'n1', reason: 'it hangs' }]);
    expect(again.plan.length).toBeGreaterThan(0);
    expect(again.plan.map(({ container }) => container)).not.toContain(broken?.container);
  });

  it('does nothing below its threshold, and comes back after a while', () => {
    const nodes = [node('n1', [busy('a', 1), busy('b', 1)]), node('n2', [busy('c', 1)])];
    expect(settle(nodes)).toEqual([]);
    const event: BalanceEvent = { kind: 'look', here: hereOf(nodes[1]!), nowMs: 1_000, chance: 0.25 };
    expect(balanceStep(AT_REST, event, TEST_RULES).effects).toEqual([{ kind: 'wake', atMs: 1_000 + 22_500 }]);
  });

  it('moves nothing before as many looks in a row as its rules say have found something', () => {
    const rules = { ...TEST_RULES, looks: 2 };
    const [full, ...others] = crowd() as [TestNode, ...TestNode[]];
    const calm = node('n1', [busy('c1', 2)]);
    const moment = { nowMs: 0, chance: 0.5 };
    const look = (before: Balance, self: TestNode) => {
      const known = { here: hereOf(self), neighbours: others.map(neighbourOf), ...moment };
      const begun = balanceStep(before, { kind: 'look', ...known }, rules).state;
      const { state } = balanceStep(begun, { kind: 'sampled', ...known }, rules);
      const answers = state.plan.map((move) => answerOf([self, ...others], move, []));
      return balanceStep(state, { kind: 'checked', answers, ...moment }, rules).state;
    };
    const once = look(AT_REST, full);
    expect(once.phase).toBe('resting');
    expect(look(once, full).phase).toBe('asking');
    // One that found nothing begins it anew.
    expect(look(look(once, calm), full).phase).toBe('resting');
  });

  it('leaves the rest of its plan when a move fails, and a move that no longer helps', () => {
    const moment = { nowMs: 0, chance: 0 };
    const [self, ...others] = crowd() as [TestNode, ...TestNode[]];
    const [here, neighbours] = [hereOf(self), others.map(neighbourOf)];
    let { state } = balanceStep(AT_REST, { kind: 'look', here, ...moment }, TEST_RULES);
    const feed = (event: BalanceEvent) => {
      const step = balanceStep(state, event, TEST_RULES);
      state = step.state;
      return step.effects.at(-1);
    };
    const said = (after: number) => ({
      reasons: [],
      load: NO_LOAD,
      after: { ...NO_LOAD, cpu: after },
      groupMembers: 0,
    });
    feed({ kind: 'sampled', here, neighbours, ...moment });
    const plan = state.plan;
    const answers = plan.map(({ container, target }) => ({ container, node: target, said: said(0.2) }));
    expect(feed({ kind: 'checked', answers, ...moment })).toMatchObject({ kind: 'ask', move: plan[0] });
    // Somebody else was faster: that node is full by now.
    const late = { ...answers[0]!, said: said(0.7) };
    expect(feed({ kind: 'answered', here, answer: late, ...moment })).toMatchObject({ move: plan[1] });
    expect(feed({ kind: 'answered', here, answer: answers[1]!, ...moment })).toMatchObject({ kind: 'move' });
    expect(feed({ kind: 'ended', moved: false, ...moment })).toMatchObject({ kind: 'wake' });
  });
});

it('what waits is wanted: use and pressure together are shared by those who use', () => {
  const load = { use: { ...NO_LOAD, cpu: 0.5 }, pressure: { ...NO_LOAD, cpu: 0.25 } };
  expect(wantedUsage(usage({ cpus: 2, memoryBytes: 7 }), load, capacity)).toEqual(
    usage({ cpus: 3, memoryBytes: 7 }),
  );
});
