import { z } from 'zod';

/** What a node can be short of. `io` is its disks, `network` its busiest interface. */
export const COMPONENTS = ['cpu', 'memory', 'io', 'network'] as const;
export type Component = (typeof COMPONENTS)[number];

const amount = z.number().nonnegative();

/** One number a component: 1 is all of what the node has. Above 1, more is wanted than there is. */
export const LoadVector = z.object({ cpu: amount, memory: amount, io: amount, network: amount });
export type LoadVector = z.infer<typeof LoadVector>;

/** What a container, or a whole node, uses: smoothed, in units that mean the same on every node. */
export const Usage = z.object({
  /** Processors' worth of CPU time. */
  cpus: amount,
  /** Memory that has to be there for it: its working set. */
  memoryBytes: amount,
  ioBytesPerSecond: amount,
  /** The larger of what it sends and what it receives. */
  networkBytesPerSecond: amount,
});
export type Usage = z.infer<typeof Usage>;

/** What a node has; of `ioBytesPerSecond` and `networkBytesPerSecond` what its operator says, or an assumption. */
export const Capacity = z.object({
  cpus: z.number().positive(),
  memoryBytes: z.number().positive(),
  ioBytesPerSecond: z.number().positive(),
  networkBytesPerSecond: z.number().positive(),
});
export type Capacity = z.infer<typeof Capacity>;

/** A node's load. `pressure` is the share of time in which something waits for the component (PSI), 0 where the kernel does not tell. */
export const NodeLoad = z.object({ use: LoadVector, pressure: LoadVector });
export type NodeLoad = z.infer<typeof NodeLoad>;

export const NO_LOAD: LoadVector = { cpu: 0, memory: 0, io: 0, network: 0 };
export const NO_USAGE: Usage = { cpus: 0, memoryBytes: 0, ioBytesPerSecond: 0, networkBytesPerSecond: 0 };

/** What a use means on a node of this capacity. */
export function loadOf(usage: Usage, capacity: Capacity): LoadVector {
  return {
    cpu: usage.cpus / capacity.cpus,
    memory: usage.memoryBytes / capacity.memoryBytes,
    io: usage.ioBytesPerSecond / capacity.ioBytesPerSecond,
    network: usage.networkBytesPerSecond / capacity.networkBytesPerSecond,
  };
}

/** Use and pressure as one vector: what is taken, and what is wanted beyond it. */
export function combined({ use, pressure }: NodeLoad): LoadVector {
  return each((component) => use[component] + pressure[component]);
}

/** The vectors added up; never below 0, whatever is taken away with a `factor` of -1. */
export function plus(load: LoadVector, more: LoadVector, factor = 1): LoadVector {
  return each((component) => Math.max(0, load[component] + factor * more[component]));
}

/** The component that decides: the largest one, the first of equals. */
export function largest(load: LoadVector): { readonly component: Component; readonly value: number } {
  let found: Component = 'cpu';
  for (const component of COMPONENTS) if (load[component] > load[found]) found = component;
  return { component: found, value: load[found] };
}

export function sumOfUsage(usages: readonly Usage[]): Usage {
  return usages.reduce(
    (sum, usage) => ({
      cpus: sum.cpus + usage.cpus,
      memoryBytes: sum.memoryBytes + usage.memoryBytes,
      ioBytesPerSecond: sum.ioBytesPerSecond + usage.ioBytesPerSecond,
      networkBytesPerSecond: sum.networkBytesPerSecond + usage.networkBytesPerSecond,
    }),
    NO_USAGE,
  );
}

function each(value: (component: Component) => number): LoadVector {
  return { cpu: value('cpu'), memory: value('memory'), io: value('io'), network: value('network') };
}
