import type { Runner, RunResult } from '../effects/runner.ts';
import { hostFailed, wordsOf } from './failure.ts';
import { inNetwork } from './in-network.ts';

const DEADLINE_MS = 10_000;
const MISSING = 127;

/**
 * Removes the lock that criu puts on a container's network and leaves behind when it is killed: the chain `CRIU` with
 * its jumps from INPUT and OUTPUT (criu uses whatever `iptables-restore` the PATH has), or the nftables table
 * `inet CRIU-<id>`. Everything else in the container's tables stays. Safe to repeat.
 * @throws GodwitError HOST_FAILED (no tool is there, or one of them failed)
 */
export async function clearNetworkLock(runner: Runner, initPid: number): Promise<void> {
  const enter = enterNetwork(runner, initPid);
  const cleared = await Promise.all([
    clearChain(enter, 'iptables'),
    clearChain(enter, 'ip6tables'),
    clearTables(enter),
  ]);
  if (!cleared.includes(true)) {
    throw hostFailed('removing the network lock', 'neither iptables nor nft is installed');
  }
}

/** Whether such a lock is on the network of a container; changes nothing. @throws GodwitError HOST_FAILED (one of the tools failed) */
export async function hasNetworkLock(runner: Runner, initPid: number): Promise<boolean> {
  const enter = enterNetwork(runner, initPid);
  const [rules, rules6, tables] = await Promise.all([
    readRules(enter, 'iptables'),
    readRules(enter, 'ip6tables'),
    readTables(enter),
  ]);
  return [rules, rules6].some((saved) => chainRemoval(saved ?? '')) || (tables ?? []).length > 0;
}

type Enter = (file: string, args: readonly string[], input?: string) => Promise<RunResult>;

function enterNetwork(runner: Runner, initPid: number): Enter {
  return (file, args, input) =>
    runner.run({
      ...inNetwork(initPid, file, args),
      deadlineMs: DEADLINE_MS,
      ...(input === undefined ? {} : { input }),
    });
}

/** False when the tool is not installed: then criu cannot have used it either. */
async function clearChain(enter: Enter, family: 'iptables' | 'ip6tables'): Promise<boolean> {
  const saved = await readRules(enter, family);
  if (saved === undefined) return false;
  const commands = chainRemoval(saved);
  if (commands) {
    check(await enter(`${family}-restore`, ['-w', '--noflush'], commands), `removing criu's ${family} chain`);
  }
  return true;
}

async function clearTables(enter: Enter): Promise<boolean> {
  const tables = await readTables(enter);
  if (tables === undefined) return false;
  for (const table of tables) {
    check(await enter('nft', ['delete', 'table', 'inet', table]), `removing criu's nftables table ${table}`);
  }
  return true;
}

/** Undefined when the tool is not installed. */
async function readRules(enter: Enter, family: 'iptables' | 'ip6tables'): Promise<string | undefined> {
  const saved = await enter(`${family}-save`, []);
  if (saved.exitCode === MISSING) return undefined;
  check(saved, `reading the ${family} rules`);
  return saved.stdout;
}

/** criu's own; undefined when the tool is not installed. */
async function readTables(enter: Enter): Promise<string[] | undefined> {
  const listed = await enter('nft', ['list', 'tables']);
  if (listed.exitCode === MISSING) return undefined;
  check(listed, 'reading the nftables tables');
  return criuTables(listed.stdout);
}

/** Input for `iptables-restore --noflush` that removes criu's chain and nothing else; undefined when it is not there. */
export function chainRemoval(saved: string): string | undefined {
  const filter = /^\*filter\n([\s\S]*?)^COMMIT$/m.exec(saved)?.[1] ?? '';
  if (!/^:CRIU /m.test(filter)) return undefined;
  const jumps = [...filter.matchAll(/^-A (.* -j CRIU)$/gm)].map(([, rule]) => `-D ${rule}`);
  return ['*filter', ...jumps, '-F CRIU', '-X CRIU', 'COMMIT', ''].join('\n');
}

/** Names of criu's own tables in the output of `nft list tables`. */
export function criuTables(listed: string): string[] {
  return [...listed.matchAll(/^table inet (CRIU-[A-Za-z0-9-]+)$/gm)].map(([, name = '']) => name);
}

function check(result: RunResult, action: string): void {
  if (result.exitCode !== 0) throw hostFailed(action, wordsOf(result));
}
