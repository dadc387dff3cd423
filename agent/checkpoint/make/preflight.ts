import { stat, statfs } from 'node:fs/promises';
import { type DomainSpec, GodwitError, type Refusal } from '../../../protocol/mod.ts';
import { memoryAvailableBytes } from '../../host/kernel.ts';
import type { Agent } from '../../migration/agent.ts';
import { type RefusalCode, refuse, standing } from '../../preflight/catalogue.ts';
import { collectSourceFacts } from '../../preflight/collect-source.ts';
import type { SourceFacts } from '../../preflight/facts.ts';
import { sourceRefusals } from '../../preflight/source.ts';
import { mebibytes } from '../../preflight/words.ts';

/** What stands in the way of two copies at once, or of another place, only: here the first one is gone, or there is no second. */
const OF_MOVES: readonly RefusalCode[] = ['LOCK_OF_PROCESS', 'VOLUME_STAYS', 'ROOTFS_KEPT'];
/** Images without memory pages. */
const IMAGES_BYTES = 16 * 1024 * 1024;

/**
 * Looks at the container and at the room for it before anything is stopped. @throws GodwitError CHECKPOINT_REFUSED with every reason
 */
export async function lookBeforeSave(
  agent: Agent,
  spec: DomainSpec,
  {
    store,
    unsafe,
    staged,
    directories,
  }: {
    readonly store: string;
    readonly unsafe: boolean;
    readonly staged: boolean;
    readonly directories: boolean;
  },
): Promise<SourceFacts & { readonly memoryBytes: number }> {
  const { config, runtime, runner, clock } = agent;
  const [capabilities, { memoryBytes }] = await Promise.all([agent.capabilities(), runtime.stats(spec.name)]);
  const facts = await collectSourceFacts({
    node: config.node,
    mode: 'cold',
    spec,
    capabilities,
    jobs: { running: agent.jobs.running() - 1, limit: config.movesOutMax },
    runtime,
    runner,
    ...(directories ? { stateDir: config.stateDir } : {}),
    neighbours: agent.containers.list().map(({ spec: other }) => other),
    clock,
    dumpsOtherUsers: () => agent.criu.dumpsOtherUsers(config.runDir),
  });
  const found = sourceRefusals(facts).filter(({ code }) => !OF_MOVES.includes(code as RefusalCode));
  const copiedBytes = facts.copied.reduce((sum, { bytes = 0 }) => sum + bytes, 0);
  const room = await roomRefusals(agent, memoryBytes, { store, copiedBytes, staged });
  const refusals = standing([...found, ...room], unsafe);
  if (refusals.length === 0) return { ...facts, memoryBytes };
  const problem = refusals.map(({ message }) => message).join('; ');
  throw new GodwitError('CHECKPOINT_REFUSED', {
    what: 'checkpoint',
    container: spec.name,
    node: config.node,
    problem,
    refusals,
  });
}

/** The images lie in memory beside the container, and its directories on the node's disk if it runs on, until they are in the store. */
async function roomRefusals(
  { config }: Agent,
  memoryBytes: number,
  {
    store,
    copiedBytes,
    staged,
  }: { readonly store: string; readonly copiedBytes: number; readonly staged: boolean },
): Promise<Refusal[]> {
  const found: Refusal[] = [];
  const imageBytes = memoryBytes + IMAGES_BYTES;
  const look = (code: RefusalCode, needBytes: number, haveBytes: number, where: string) => {
    const words = `${mebibytes(needBytes)} needed, ${mebibytes(haveBytes)} available${where}`;
    if (haveBytes < needBytes) found.push(refuse(code, config.node, words));
  };
  look('MEMORY_ROOM', imageBytes, await memoryAvailableBytes(), '');
  const stagedBytes = staged ? copiedBytes : 0;
  const shared = stagedBytes > 0 && (await isSameDisk(store, config.stateDir));
  const storeBytes = imageBytes + copiedBytes + (shared ? stagedBytes : 0);
  look('STORE_ROOM', storeBytes, await freeBytes(store), ` in ${store}`);
  if (stagedBytes > 0 && !shared)
    look('STORE_ROOM', stagedBytes, await freeBytes(config.stateDir), ` in ${config.stateDir}`);
  return found;
}

async function isSameDisk(one: string, other: string): Promise<boolean> {
  const [first, second] = await Promise.all([one, other].map((dir) => stat(dir).catch(() => undefined)));
  return first !== undefined && first.dev === second?.dev;
}

function freeBytes(dir: string): Promise<number> {
  return statfs(dir).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => Number.POSITIVE_INFINITY,
  );
}
