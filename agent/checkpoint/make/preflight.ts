import { statfs } from 'node:fs/promises';
import { type DomainSpec, GodwitError, type Refusal } from '../../../protocol/mod.ts';
import { memoryAvailableBytes } from '../../host/kernel.ts';
import type { Agent } from '../../migration/agent.ts';
import { type RefusalCode, refuse, standing } from '../../preflight/catalogue.ts';
import { collectSourceFacts } from '../../preflight/collect-source.ts';
import type { SourceFacts } from '../../preflight/facts.ts';
import { sourceRefusals } from '../../preflight/source.ts';
import { mebibytes } from '../../preflight/words.ts';

/** What stands in the way of two copies at once only: here the first one is gone, or there is no second. */
const OF_MOVES: readonly RefusalCode[] = ['LOCK_OF_PROCESS'];
/** Images without memory pages. */
const IMAGES_BYTES = 16 * 1024 * 1024;

/**
 * Looks at the container and at the room for it before anything is stopped. @throws GodwitError CHECKPOINT_REFUSED with every reason
 */
export async function lookBeforeSave(
  agent: Agent,
  spec: DomainSpec,
  store: string,
  unsafe: boolean,
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
    clock,
    dumpsOtherUsers: () => agent.criu.dumpsOtherUsers(config.runDir),
  });
  const found = sourceRefusals(facts).filter(({ code }) => !OF_MOVES.includes(code as RefusalCode));
  const refusals = standing([...found, ...(await roomRefusals(agent, memoryBytes, store))], unsafe);
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

/** The images lie in memory beside the container, until they are in the store. */
async function roomRefusals({ config }: Agent, memoryBytes: number, store: string): Promise<Refusal[]> {
  const found: Refusal[] = [];
  const needBytes = memoryBytes + IMAGES_BYTES;
  const haveBytes = await memoryAvailableBytes();
  const storeBytes = await statfs(store).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => Number.POSITIVE_INFINITY,
  );
  const words = (bytes: number) => `${mebibytes(needBytes)} needed, ${mebibytes(bytes)} available`;
  if (haveBytes < needBytes) found.push(refuse('MEMORY_ROOM', config.node, words(haveBytes)));
  if (storeBytes < needBytes)
    found.push(refuse('STORE_ROOM', config.node, `${words(storeBytes)} in ${store}`));
  return found;
}
