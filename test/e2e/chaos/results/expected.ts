import { CASES, nameOf } from '../cases.ts';
import {
  BESIDE_TRIALS,
  BUS_TRIALS,
  LINK_CUTS,
  LOST_CUT,
  linkCutName,
  POWER_CUTS,
  powerCutName,
} from '../cuts.ts';
import { NODES } from '../scene.ts';
import type { Kind } from './results.ts';

/** Every trial of a kind that there is, in the order in which it is shown. */
export function expectedNames(kind: Kind): readonly string[] {
  switch (kind) {
    case 'walk':
      return CASES.map(nameOf);
    case 'power':
      return [...POWER_CUTS.map(powerCutName), LOST_CUT];
    case 'links':
      return LINK_CUTS.map(linkCutName);
    case 'bus':
      return Object.values(BUS_TRIALS);
    case 'beside':
      return [...NODES.map(BESIDE_TRIALS.agentKilled), BESIDE_TRIALS.linkOf1GiB];
  }
}
