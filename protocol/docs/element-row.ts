/** How one element of the domain XML is honoured. */
export interface ElementText {
  /** Where it stands below `<domain>`. */
  readonly element: string;
  /** What it says. */
  readonly meaning: string;
  /** A document's part that has it: lines for `<domain>`, `<os>`, `<devices>` or an interface of a bridge. */
  readonly in: 'domain' | 'os' | 'devices' | 'interface' | 'settings' | 'lifecycle' | 'volume' | 'none';
  readonly example: string;
  /** Keys of LXC's configuration, on a node with cgroup v2. */
  readonly keys: readonly string[];
  /** What is written into the container's cgroup on a node with cgroup v1, where LXC takes no limits. */
  readonly files: readonly string[];
  /** How a move is known to have kept it. */
  readonly verified: string;
}

/** Ways in which something is seen to have come through a move. */
export const BOTH_NODES = 'read in the kernel on both nodes';
export const CGROUP = 'cgroup files read on both nodes; written again after each restore';
export const STATUS = '`/proc/PID/status` of the init on both nodes';
export const MOUNTS = 'mount table and content on both nodes';
export const NETWORK = '`ip` in the network namespace on both nodes';
export const KEPT = 'the record: `dumpxml` on both nodes';

export function row(
  element: string,
  meaning: string,
  where: ElementText['in'],
  example: string,
  keys: readonly string[],
  verified: string,
  files: readonly string[] = [],
): ElementText {
  return { element, meaning, in: where, example, keys, files, verified };
}
