import { type EXCHANGES, LIMITS } from '../../protocol/mod.ts';
import type { Agent } from '../migration/agent.ts';
import type { Handlers } from '../node/endpoints.ts';
import { checkpointContainer } from './make/save.ts';
import { handOver } from './restore/hand-over.ts';
import { restoreContainer } from './restore/restore.ts';
import { surplus } from './retention.ts';
import { shown } from './store/store.ts';
import { storeOf } from './store-of.ts';

/** Looking at a checkpoint may take long, but nobody waits for ever. */
const VERIFY_MS = 3_600_000;

type NodeHandlers = Required<Handlers<typeof EXCHANGES.node>>;
type ContainerHandlers = Required<Handlers<typeof EXCHANGES.container>>;
type StoreVerb = 'restore' | 'checkpoints' | 'checkpoint-verify' | 'checkpoint-delete' | 'checkpoint-prune';

/** What a node answers about its store. */
export function storeVerbs(agent: Agent): Pick<NodeHandlers, StoreVerb> {
  return {
    restore: (request) => restoreContainer(agent, request),
    checkpoints: async ({ container }) => {
      const { found, damaged } = await storeOf(agent).list(container);
      const items = found.slice(0, LIMITS.checkpointsListed).map(shown);
      return { node: agent.config.node, items, damaged: damaged.slice(0, LIMITS.refusals) };
    },
    'checkpoint-verify': async ({ checkpoint }) => {
      const store = storeOf(agent);
      const beganMs = agent.clock.monotonicMs();
      const found = await store.find(checkpoint);
      await store.verify(found, AbortSignal.timeout(VERIFY_MS));
      return { checkpoint: shown(found), durationMs: agent.clock.monotonicMs() - beganMs };
    },
    'checkpoint-delete': async ({ checkpoint }) => {
      const store = storeOf(agent);
      await store.delete(await store.find(checkpoint), agent.random.id());
      return {};
    },
    'checkpoint-prune': async ({ container, keep, maxAgeMs, dryRun }) => {
      const store = storeOf(agent);
      const { found } = await store.list(container);
      const dated = found.map((one) => ({ ...one.manifest, one }));
      const gone = surplus(dated, { keep, maxAgeMs }, agent.clock.nowMs()).map(({ one }) => one);
      if (!dryRun) for (const one of gone) await store.delete(one, agent.random.id());
      return { items: gone.map(shown) };
    },
  };
}

/** What the owner of a container answers about checkpoints. */
export function checkpointVerbs(
  name: string,
  agent: Agent,
): Pick<ContainerHandlers, 'checkpoint' | 'hand-over'> {
  return {
    checkpoint: async (request) => (await checkpointContainer(agent, name, request)).reply,
    'hand-over': (request) => handOver(agent, name, request),
  };
}
