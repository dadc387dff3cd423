import type { Runner } from '../effects/runner.ts';
import type { NetworkLock } from './arguments.ts';

/**
 * What godwit asks `criu check --feature` about: few, because each question is one start of criu. Never found out by trying: without dirty tracking `criu pre-dump` dies on
 * an assertion instead of refusing.
 */
const FEATURES = [
  'mem_dirty_track',
  'uffd-noncoop',
  'network_lock_nftables',
  'pagemap_scan',
  'pagemap_scan_guard_pages',
  'clone3_set_tid',
] as const;

const PROBE_MS = 10_000;

/** What one look at criu found. An empty version means that criu is missing or does not start. */
export interface Probed {
  readonly version: string;
  readonly features: Readonly<Record<string, boolean>>;
  readonly networkLock?: NetworkLock;
}

/** A function that probes once and then remembers; a criu that was not found is looked for again. */
export function createProbe(runner: Runner, binary: string): () => Promise<Probed> {
  let found: Promise<Probed> | undefined;
  return async () => {
    found ??= probe(runner, binary);
    const result = await found;
    if (result.version === '') found = undefined;
    return result;
  };
}

/** One after the other: the first call fills criu's cache in /run, the others profit, and the node stays responsive. */
async function probe(runner: Runner, binary: string): Promise<Probed> {
  const run = (args: readonly string[]) => runner.run({ file: binary, args, deadlineMs: PROBE_MS });
  const version = versionIn((await run(['--version'])).stdout);
  if (version === '') return { version, features: {} };
  const features: Record<string, boolean> = {};
  for (const feature of FEATURES) {
    features[feature] = (await run(['check', '--feature', feature])).exitCode === 0;
  }
  // criu talks to nftables itself; for iptables it starts a program twice while the tasks stand still.
  const networkLock = features.network_lock_nftables ? 'nftables' : 'iptables';
  return { version, features, networkLock };
}

/** The version in the output of `criu --version`, such as "Version: 4.2.1"; empty when there is none. */
export function versionIn(output: string): string {
  return /^Version:\s*(\d[\w.-]*)/m.exec(output)?.[1] ?? '';
}
