import type { Mode } from '../../../protocol/mod.ts';
import { Timeline } from '../timeline.ts';
import type { Variant } from './broken.ts';
import { Chance } from './chance.ts';
import { Life } from './life.ts';
import { RECORD } from './names.ts';
import { SimNode } from './node.ts';
import { Store } from './store.ts';
import { Weather } from './weather.ts';

/** Nodes are named by what they are in the one move there is. */
export const SOURCE = 'S';
export const TARGET = 'T';

/** What an operator and the hosts did that decides which ends are right. */
export interface Excuses {
  /** The node lost power since the move began. */
  readonly powerCut: Set<string>;
  /** The target's copy broke by itself: criu, its pager, or the memory of it. */
  targetBroke: boolean;
  /** Nobody resolves a doubt in this run. */
  noOperator: boolean;
  /** An operator chose the source's copy, older or not. */
  keptSource: boolean;
}

/** One container that is moved from S to T, with everything around it. */
export class World {
  readonly timeline = new Timeline();
  readonly chance: Chance;
  readonly weather: Weather;
  readonly store: Store;
  readonly source: SimNode;
  readonly target: SimNode;
  readonly variant: Variant;
  readonly mode: Mode;
  readonly excuses: Excuses;
  readonly trace: string[] | undefined;
  /** Whoever sits at the command line never dies. */
  readonly operator = new Life(this.timeline, () => 0);
  /** Both ends of the control stream; it breaks once. */
  readonly control = { open: false, closed: [] as (() => void)[] };

  constructor(seed: number, variant: Variant, traced: boolean) {
    this.trace = traced ? [] : undefined;
    this.variant = variant;
    this.chance = new Chance(seed);
    const fair = this.chance.hits(0.05);
    this.mode = this.chance.oneOf(['cold', 'precopy', 'postcopy', 'hybrid']);
    this.weather = new Weather(this.timeline, this.chance, fair);
    this.store = new Store(this, RECORD);
    this.store.unconditional = variant.unconditional ?? false;
    this.excuses = {
      powerCut: new Set(),
      targetBroke: false,
      noOperator: this.chance.hits(0.3),
      keptSource: false,
    };
    this.source = new SimNode(this, SOURCE, 'running');
    this.target = new SimNode(this, TARGET, 'absent');
    this.source.other = this.target;
    this.target.other = this.source;
  }

  note(who: string, text: () => string): void {
    this.trace?.push(`${(this.timeline.nowMs / 1000).toFixed(3).padStart(9)} ${who.padEnd(8)} ${text()}`);
  }

  /** The control stream's end is how one agent notices that the other has died. */
  breakControl(why: string): void {
    if (!this.control.open) return;
    this.control.open = false;
    this.note('streams', () => `break: ${why}`);
    for (const closed of this.control.closed.splice(0)) closed();
  }
}
