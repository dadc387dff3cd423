import { formatDomain } from '../../protocol/domain/mod.ts';
import { checkContainerName, type EXCHANGES, GodwitError } from '../../protocol/mod.ts';
import type { Bus } from '../bus/bus.ts';
import type { Clock } from '../effects/clock.ts';
import type { Handlers } from '../node/endpoints.ts';
import { preparationOf } from '../preparation/verb.ts';
import type { RuntimeState } from '../runtime/runtime.ts';
import { type Digesting, digestOf } from './digest.ts';
import { renameContainer } from './rename.ts';
import { forgetRename, noteRename } from './rename-notes.ts';
import { removeRecord } from './settle.ts';

type ContainerHandlers = Required<Handlers<typeof EXCHANGES.container>>;

/** What the owner of one container answers, but for moves, auctions and checkpoints. */
export function containerVerbs(
  name: string,
  agent: Digesting & {
    readonly bus: Bus;
    readonly clock: Clock;
    readonly config: { readonly stateDir: string };
  },
): Omit<
  ContainerHandlers,
  | 'migrate'
  | 'auction'
  | 'checkpoint'
  | 'hand-over'
  | 'resolve'
  | 'exec'
  | 'exec-open'
  | 'exec-read'
  | 'exec-write'
> {
  const { bus, clock, runtime, containers } = agent;
  const state = async () => ({ container: await digestOf(containers.get(name), agent) });
  const must = async (...wanted: RuntimeState[]) => {
    const status = await runtime.status(name);
    if (!wanted.includes(status.state))
      throw new GodwitError('CONTAINER_STATE', {
        container: name,
        state: status.state,
        wanted: wanted.join(' or '),
      });
  };

  /** What nobody knows the outcome of stays noted: the next start of an agent asks again. */
  const noted = async (wanted: string) => {
    const { stateDir } = agent.config;
    const { record, revision } = containers.get(name);
    await noteRename(stateDir, { name, wanted, uuid: record.uuid, revision });
    try {
      await renameContainer(agent, name, wanted);
    } catch (error) {
      if (!(error instanceof GodwitError) || error.code !== 'STORE_UNAVAILABLE')
        await forgetRename(stateDir, { name });
      throw error;
    }
    await forgetRename(stateDir, { name });
  };

  const decided = () => {
    const { phase, job } = containers.get(name).record;
    if (phase === 'lost' && job) {
      const lost = `what is to become of it is decided with \`godwit job resolve ${job.id}\``;
      throw new GodwitError('CONTAINER_LOST', { container: name, problem: lost });
    }
    if (phase !== 'in-doubt') return;
    const problem = 'whether another node holds its only copy is not settled';
    throw new GodwitError('OUTCOME_UNKNOWN', { container: name, problem });
  };

  /** A container that a move has frozen is nobody's to thaw: only the record decides who runs. */
  const settled = () => {
    decided();
    const { phase, job } = containers.get(name).record;
    if (phase !== 'running')
      throw new GodwitError('CONTAINER_STATE', { container: name, state: phase, wanted: 'running' });
    if (job) throw new GodwitError('CONTAINER_BUSY', { container: name, job: job.id });
  };

  return {
    info: async () => {
      const owned = containers.get(name);
      const { container } = await state();
      const limits = container.state === 'running' ? await runtime.readLimits(name) : {};
      return { container, xml: formatDomain(owned.spec), revision: owned.revision, limits };
    },

    start: () =>
      containers.exclusively(name, 'start', async () => {
        decided();
        await must('stopped');
        // First the swap: what this node knows of the record may be older than a commit that gave the container away.
        await containers.change(name, (record) => ({ ...record, phase: 'running' }));
        try {
          await runtime.start(containers.get(name).spec);
        } catch (error) {
          await containers.change(name, (record) => ({ ...record, phase: 'stopped' }));
          throw error;
        }
        return state();
      }),

    stop: ({ timeoutMs, kill }) =>
      containers.exclusively(name, 'stop', async () => {
        decided();
        await must('running', 'frozen');
        const dead = () => containers.change(name, (record) => ({ ...record, phase: 'stopped' }));
        await runtime.stop(name, { timeoutMs, kill, dead });
        return state();
      }),

    suspend: () =>
      containers.exclusively(name, 'suspend', async () => {
        settled();
        await must('running');
        await runtime.suspend(name);
        return state();
      }),

    resume: () =>
      containers.exclusively(name, 'resume', async () => {
        settled();
        await must('frozen');
        await runtime.resume(name);
        return state();
      }),

    undefine: () =>
      containers.exclusively(name, 'undefine', async () => {
        decided();
        await must('stopped');
        const settling = { records: bus.records, clock };
        const removed = await removeRecord(settling, containers.get(name));
        if (removed.status === 'conflict') throw new GodwitError('RECORD_CONFLICT', { container: name });
        if (removed.status === 'unknown')
          throw new GodwitError('STORE_UNAVAILABLE', { problem: removed.problem });
        await runtime.undefine(name);
        await runtime.sweep(name);
        await containers.release(name);
        return {};
      }),

    rename: ({ name: wanted }) => {
      checkContainerName(wanted);
      return containers.exclusively(name, 'rename', async () => {
        decided();
        await must('stopped');
        await containers.exclusively(wanted, 'rename', () => noted(wanted));
        return { container: await digestOf(containers.get(wanted), agent) };
      });
    },

    'prepare-rootfs': ({ action }) =>
      containers.exclusively(name, 'prepare-rootfs', async () => {
        const { spec, record } = containers.get(name);
        const { state } = await runtime.status(name);
        return preparationOf(spec, action, { node: record.owner, state });
      }),
  };
}
