import type { Mode } from './job.ts';

/** True where the container runs before all of its memory is there: the source must live on, frozen, for a while. */
export function pagesFollowIn(mode: Mode): boolean {
  return mode === 'postcopy' || mode === 'hybrid';
}

/** True where memory moves while the container still runs at the source. */
export function hasRounds(mode: Mode): boolean {
  return mode === 'precopy' || mode === 'hybrid';
}

/** The same way for the final dump, without the rounds before it. */
export function withoutRounds(mode: Mode): Mode {
  return pagesFollowIn(mode) ? 'postcopy' : 'cold';
}
