import type { Chance } from '../handover/chance.ts';
import type { Timeline } from '../timeline.ts';
import type { SimNode } from './world.ts';

const PERIOD_MS = 60_000;
/** By so much, up or down, what a container uses differs from what it usually uses. */
const NOISE = 0.1;

/** Lets what containers use go up and down, each component for itself, anew each minute. */
export function keepVarying(nodes: readonly SimNode[], timeline: Timeline, chance: Chance): void {
  const usual = new Map(nodes.flatMap((node) => [...node.containers].map((one) => [one, one.usage])));
  const part = () => 1 + NOISE * chance.between(-1, 1);
  const vary = (node: SimNode): void => {
    node.use((container) => {
      const usage = usual.get(container)!;
      return {
        cpus: usage.cpus * part(),
        memoryBytes: usage.memoryBytes * part(),
        ioBytesPerSecond: usage.ioBytesPerSecond * part(),
        networkBytesPerSecond: usage.networkBytesPerSecond * part(),
      };
    }, timeline.nowMs);
    timeline.at(PERIOD_MS, () => vary(node));
  };
  for (const node of nodes) timeline.at(chance.between(0, PERIOD_MS), () => vary(node));
}
