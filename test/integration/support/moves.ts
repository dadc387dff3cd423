import { expect } from 'vitest';
import type { NatsBus } from '../../../agent/bus/mod.ts';
import type { AgentConfig } from '../../../agent/config/config.ts';
import { openDataPort } from '../../../agent/transfer/mod.ts';
import {
  ContainerInfo,
  type Job,
  JobInfo,
  MigrateReply,
  type MigrateRequest,
  subjects,
} from '../../../protocol/mod.ts';
import { testBus } from './bus.ts';
import { type FakeNode, fakeNode } from './fake-nodes.ts';
import { type Link, startLink } from './link.ts';
import { type NatsServer, startNats } from './nats.ts';

export const words = subjects('test');

/** Two nodes, a bus and somebody who asks; containers come and go with each test. */
export interface MoveLab extends AsyncDisposable {
  readonly nats: NatsServer;
  readonly source: FakeNode;
  readonly target: FakeNode;
  /** What the connections to the data port of either node go over. */
  readonly link: Link;
  /** The operator's connection. */
  readonly bus: NatsBus;
  /** Defines and starts a container on the source. */
  run(name: string): Promise<void>;
  migrate(name: string, request?: Partial<MigrateRequest>): Promise<string>;
  info(name: string): Promise<ContainerInfo>;
  job(id: string): Promise<Job>;
  ended(id: string): Promise<Job>;
  /** The container runs on at the source as if nothing had been tried, and nothing of the try is left anywhere. */
  untouched(job: Job, pid: number | undefined): Promise<void>;
  /** Nothing of the move is left on either node. */
  swept(job: Job): Promise<void>;
}

const ASK = { timeoutMs: 15_000 };

/** Starts everything; `await using` or `[Symbol.asyncDispose]` ends it. */
export async function startMoveLab(change: Partial<AgentConfig> = {}): Promise<MoveLab> {
  const nats = await startNats();
  const link = startLink();
  const openData: typeof openDataPort = async (options) => {
    const data = await openDataPort(options);
    return Object.create(data, { port: { value: await link.lead(data.port) } });
  };
  const [source, target] = ['n1', 'n2'].map((name) => fakeNode(name, nats.url, change, openData)) as [
    FakeNode,
    FakeNode,
  ];
  await Promise.all([source.start(), target.start()]);
  const bus = await testBus(nats.url, { node: 'op' });

  const job = async (id: string) => {
    const reply = await bus.request(words.job(id, 'info'), { type: 'io.godwit.v1.job.info.request' }, ASK);
    return JobInfo.parse(reply).job;
  };
  const info = async (name: string) => {
    const request = { type: 'io.godwit.v1.container.info.request' };
    return ContainerInfo.parse(await bus.request(words.container(name, 'info'), request, ASK));
  };
  const swept = async (ended: Job) => {
    const left = () => [source, target].flatMap((node) => node.leftovers(ended.job));
    await expect.poll(left, { timeout: 20_000 }).toEqual([]);
  };
  return {
    nats,
    source,
    target,
    link,
    bus,
    info,
    job,
    run: async (name) => {
      const define = { type: 'io.godwit.v1.node.define.request', xml: domainOf(name, source.dir) };
      await bus.request(words.node('n1', 'define'), define, ASK);
      await bus.request(
        words.container(name, 'start'),
        { type: 'io.godwit.v1.container.start.request' },
        ASK,
      );
    },
    migrate: async (name, request = {}) => {
      const body = {
        type: 'io.godwit.v1.container.migrate.request',
        target: 'n2',
        mode: 'cold',
        unsafe: true,
        ...request,
      };
      const reply = MigrateReply.parse(await bus.request(words.container(name, 'migrate'), body, ASK));
      return reply.job ?? '';
    },
    ended: async (id) => {
      await expect.poll(async () => (await job(id)).state, { timeout: 90_000, interval: 50 }).toBe('ended');
      return job(id);
    },
    swept,
    untouched: async (ended, pid) => {
      const name = ended.container;
      const { container } = await info(name);
      expect(container).toMatchObject({ owner: 'n1', epoch: 1, phase: 'running', state: 'running', pid });
      expect(container.job).toBeUndefined();
      expect(source.tasks(name)).toEqual([pid]);
      expect(() => process.kill(pid ?? -1, 0)).not.toThrow();
      expect(source.freezer(name)).toBe('THAWED');
      const record = (await bus.records.get(name))?.record;
      expect(record).toMatchObject({ owner: 'n1', epoch: 1, phase: 'running' });
      expect(record?.job).toBeUndefined();
      await expect.poll(() => target.tasks(name), { timeout: 20_000 }).toEqual([]);
      await swept(ended);
    },
    [Symbol.asyncDispose]: async () => {
      try {
        await bus.close();
        await Promise.all([source.remove(), target.remove()]);
        await link.stop();
      } finally {
        await nats.stop();
      }
    },
  };
}

/** A container whose root file system is any directory: nothing looks into it but pre-flight. */
function domainOf(name: string, root: string): string {
  return `<domain type='lxc'><name>${name}</name><memory unit='MiB'>64</memory><os><type>exe</type>
    <init>/bin/app</init></os><devices><filesystem type='mount'><source dir='${root}'/><target dir='/'/>
    </filesystem></devices></domain>`;
}
