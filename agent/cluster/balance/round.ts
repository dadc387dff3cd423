import {
  type Announce,
  type Balance,
  type BalanceEffect,
  type BalanceEvent,
  type BalanceMove,
  type BalanceRequest,
  type BalanceRules,
  balanceStep,
  combined,
  type Here,
  loadOf,
  type Neighbour,
  plus,
} from '../../../protocol/mod.ts';
import type { Agent } from '../../migration/agent.ts';
import { askTarget } from './bids.ts';
import { lookHere } from './here.ts';
import { moveTo } from './move.ts';
import { sampleNodes } from './sample.ts';

export interface RoundWish {
  /** What the look before has left. */
  readonly before: Balance;
  readonly rules: BalanceRules;
  /** Containers that are left where they are. */
  readonly stays: (container: string) => boolean;
  /** What other nodes plan already. */
  readonly planned: BalanceRequest['planned'];
  /** Aborted: nobody waits for a move any more, which goes on. */
  readonly signal?: AbortSignal;
}

/** What came of one look at the cluster. */
export interface Round {
  readonly moves: readonly BalanceMove[];
  readonly refusals: readonly {
    readonly container: string;
    readonly node: string;
    readonly reason: string;
  }[];
  readonly compared: number;
  /** Unix milliseconds: not before. */
  readonly againAtMs: number;
  readonly after: Balance;
}

/** One look at the cluster with all that comes of it: performs what the core decides. */
export async function balanceRound(agent: Agent, wish: RoundWish): Promise<Round> {
  const { clock, random } = agent;
  const moment = () => ({ nowMs: clock.nowMs(), chance: random.next() });
  const look = () => {
    const here = lookHere(agent, wish.stays);
    return here && withPlanned(here, wish.planned);
  };
  const here = look();
  const idle: Round = {
    moves: [],
    refusals: [],
    compared: 0,
    againAtMs: clock.nowMs() + wish.rules.periodMs,
    after: wish.before,
  };
  if (!here) return idle;
  let round = idle;
  // A promise is made to the job that will use it.
  let job = '';
  let state = wish.before;
  let event: BalanceEvent | undefined = { kind: 'look', here, ...moment() };
  while (event) {
    const step = balanceStep(state, event, wish.rules);
    state = step.state;
    event = undefined;
    for (const effect of step.effects) {
      if (effect.kind === 'planned') round = { ...round, moves: effect.moves, refusals: effect.refusals };
      else if (effect.kind === 'wake') round = { ...round, againAtMs: effect.atMs };
      else event = await perform(effect);
    }
    if (event?.kind === 'sampled') round = { ...round, compared: event.neighbours.length };
  }
  return { ...round, after: state };

  async function perform(
    effect: Exclude<BalanceEffect, { kind: 'planned' | 'wake' }>,
  ): Promise<BalanceEvent> {
    switch (effect.kind) {
      case 'sample': {
        const heard = await sampleNodes(agent, effect.count, wish.signal);
        const neighbours = heard.flatMap(neighbourOf).map((one) => withPlanned(one, wish.planned));
        return { kind: 'sampled', here: look() ?? here!, neighbours, ...moment() };
      }
      case 'check': {
        const manner = { firm: false, planned: wish.planned };
        const asked = effect.moves.map((move) => askTarget(agent, move, { ...manner, auction: random.id() }));
        const answers = await Promise.all(asked);
        return { kind: 'checked', answers, ...moment() };
      }
      case 'ask': {
        job = random.id();
        const answer = await askTarget(agent, effect.move, { auction: job, firm: true, planned: [] });
        return { kind: 'answered', answer, here: look() ?? here!, ...moment() };
      }
      case 'move': {
        const moved = await moveTo(agent, effect.move, job, wish.signal);
        return { kind: 'ended', moved, ...moment() };
      }
    }
  }
}

function neighbourOf({ node, state, load, capacity, labels, memoryAvailableBytes }: Announce): Neighbour[] {
  if (state !== 'up' || !load || !capacity) return [];
  return [{ node, load: combined(load), capacity, labels, memoryAvailableBytes }];
}

function withPlanned<Place extends Here | Neighbour>(
  place: Place,
  planned: BalanceRequest['planned'],
): Place {
  const coming = planned.filter(({ target }) => target === place.node);
  const load = coming.reduce((sum, { usage }) => plus(sum, loadOf(usage, place.capacity)), place.load);
  if (!('memoryAvailableBytes' in place)) return { ...place, load };
  const bytes = coming.reduce((sum, one) => sum + one.memoryBytes, 0);
  return { ...place, load, memoryAvailableBytes: place.memoryAvailableBytes - bytes };
}
