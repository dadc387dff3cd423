import {
  type ConvergenceGoal,
  convergenceStart,
  convergenceStep,
  nextThrottle,
} from '../../../agent/migration/convergence/mod.ts';
import { type Rule, type Seen, type Verdict, WAY } from './simulate.ts';

/** What godwit is asked for: QEMU's default limit, which counts memory only, and the fixed cost. */
export const MAX_DOWNTIME_MS = 300 + WAY.fixedMs;

export const QEMU_AUTO_CONVERGE: Rule = { name: 'QEMU auto-converge', start: qemuAutoConverge };

/** The rules of other tools, as their sources have them. */
export const PEERS: readonly Rule[] = [
  { name: 'lxctools', start: () => lxctools },
  { name: 'p.haul', start: () => phaul },
  { name: 'Incus', start: () => incus },
  { name: 'QEMU', start: () => qemu },
  QEMU_AUTO_CONVERGE,
];

/** godwit's own, with the policies that change the rounds. */
export const GODWIT = { name: 'godwit', start: () => godwit('cutover') } satisfies Rule;
export const GODWIT_THROTTLE = { name: 'godwit throttle', start: () => godwit('throttle') } satisfies Rule;
export const STATIC_2 = {
  name: 'godwit, 2 rounds',
  start: () => godwit('cutover', 2),
} satisfies Rule;

function godwit(
  onNonconverge: ConvergenceGoal['onNonconverge'],
  iterations: ConvergenceGoal['iterations'] = 'dynamic',
): (seen: Seen) => Verdict {
  const goal = { iterations, maxDowntimeMs: MAX_DOWNTIME_MS, maxRounds: 8, onNonconverge };
  let state = convergenceStart(goal, WAY);
  return ({ rounds }) => {
    const last = rounds.at(-1);
    if (!last) return 'round';
    const step = convergenceStep(state, last);
    state = step.state;
    if (step.decision.kind !== 'nonconverging') return step.decision.kind;
    const slower = onNonconverge === 'throttle' ? nextThrottle(state) : undefined;
    if (!slower) return 'final';
    state = slower.state;
    return { share: slower.share };
  };
}

/** A round below one second of wall time, or three rounds. */
function lxctools({ rounds }: Seen): Verdict {
  return (rounds.at(-1)?.durationMs ?? 0) < 1_000 || rounds.length >= 3 ? 'final' : 'round';
}

/** At most 64 pages, more than 10 % growth, or nine rounds. */
function phaul({ rounds }: Seen): Verdict {
  const [last, before] = [rounds.at(-1)?.pagesWritten ?? 0, rounds.at(-2)?.pagesWritten];
  const grows = before !== undefined && ((last - before) * 100) / before > 10;
  return last <= 64 || grows || rounds.length > 8 ? 'final' : 'round';
}

/** More than 70 % of the pages skipped, or the default of ten rounds, of which its counter makes six. */
function incus({ rounds }: Seen): Verdict {
  const last = rounds.at(-1);
  const total = (last?.pagesWritten ?? 0) + (last?.pagesSkipped ?? 0);
  const skipped = 100 - (100 * (last?.pagesWritten ?? 0)) / total;
  return skipped > 70 || rounds.length >= 6 ? 'final' : 'round';
}

/** What is pending can be sent within 300 ms. It sees that without a round, measures the bare link, and never gives up. */
function qemu({ pendingBytes }: Seen): Verdict {
  return pendingBytes < WAY.linkBytesPerSecond * 0.3 ? 'final' : 'round';
}

/** Twice more than half of what was sent became dirty meanwhile: 20 % less CPU time, then 10 % more each time, to 99 %. */
function qemuAutoConverge(): (seen: Seen) => Verdict {
  let high = 0;
  let throttled = 0;
  return (seen) => {
    if (qemu(seen) === 'final') return 'final';
    if (seen.pendingBytes > (seen.rounds.at(-1)?.bytes ?? 0) / 2) high += 1;
    if (high < 2) return 'round';
    high = 0;
    throttled = Math.min(0.99, throttled === 0 ? 0.2 : throttled + 0.1);
    return { share: 1 - throttled };
  };
}
