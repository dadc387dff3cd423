import { CASES, type Case, nameOf } from './cases.ts';

/** The cases of every day: the steps at which a change most easily breaks something, each action at least once. */
const CHOSEN: ReadonlySet<string> = new Set([
  'cold source.open:lose-bus',
  'cold source.ship:kill-agent',
  'cold source.ship:drop-link',
  'cold source.shipped:kill-criu',
  'cold source.commit:kill-agent',
  'cold source.settle:kill-agent',
  'cold source.tell-commit:kill-agent',
  'cold source.undo:kill-agent',
  'cold target.prepare:kill-agent',
  'cold target.build:enospc',
  'cold target.report-prepared:kill-agent',
  'cold target.resume:kill-agent',
  'cold target.resume:kill-criu',
  'cold target.resumed:kill-agent',
  'postcopy source.commit:kill-agent',
  'postcopy source.commit:hang',
  'postcopy source.pages:kill-agent',
  'postcopy source.pages:drop-link',
  'postcopy source.kill:kill-agent',
  'postcopy target.report-prepared:kill-agent',
  'postcopy target.resume:kill-agent',
  'postcopy target.pages:kill-agent',
  'postcopy target.pages:kill-criu',
  'postcopy target.pages:drop-link',
]);

/** What GODWIT_CHAOS wants: nothing, `all`, or a regular expression for the names of cases. */
export function wantedCases(wish: string | undefined): readonly Case[] {
  if (wish === undefined || wish === '') return CASES.filter((one) => CHOSEN.has(nameOf(one)));
  return CASES.filter((one) => wish === 'all' || new RegExp(wish).test(nameOf(one)));
}

/** Names in the choice that no case has (any more). */
export const STALE_CHOICES = [...CHOSEN].filter((name) => !CASES.some((one) => nameOf(one) === name));
