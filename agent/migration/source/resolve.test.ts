import { expect, it } from 'vitest';
import { GodwitError, type JobResolveRequest } from '../../../protocol/mod.ts';
import type { Agent } from '../agent.ts';
import { resolveMove } from './resolve.ts';
import type { MoveControl } from './serve-job.ts';

const frozen = () => ({
  type: 'io.godwit.v1.container.info',
  container: {
    name: 'web',
    uuid: '6f1b6f0e-6a6e-4a53-9a52-0d1f6a1f6b01',
    owner: 'n2',
    epoch: 2,
    phase: 'in-doubt',
    state: 'frozen',
    memoryLimitBytes: 1024,
    addresses: [],
  },
  xml: '<domain/>',
  revision: 1,
  limits: {},
});

it.each(['BUS_UNREACHABLE', 'INTERNAL', 'BUS_TIMEOUT'] as const)(
  'reports no failure of a look at what a decision has brought about: %s',
  async (code) => {
    let now = 0;
    const sleep = async (ms: number) => {
      now += ms;
    };
    const clock = { sleep, nowMs: () => now, monotonicMs: () => now };
    const asked: (number | undefined)[] = [];
    const request = async (_subject: string, _body: unknown, options: { timeoutMs?: number } = {}) => {
      asked.push(options.timeoutMs);
      if (asked.length === 1) return frozen();
      throw new GodwitError(code, {
        problem: 'gone',
        servers: 'the bus',
        subject: 'info',
        timeoutMs: 1,
      } as never);
    };
    const agent = { bus: { request }, subjects: { container: () => 'info' }, clock } as unknown as Agent;
    const decided: unknown[] = [];
    const control = {
      move: { isOver: false, settled: Promise.resolve(), resolve: (side: string) => decided.push(side) },
      tracker: {
        current: { job: 'j1', source: 'n1', target: 'n2', container: 'web', state: 'running' },
        set: (changes: object) => decided.push(...Object.keys(changes)),
      },
    } as unknown as MoveControl;
    await resolveMove(agent, control, { keep: 'n2', force: true } as JobResolveRequest);
    expect(decided).toEqual(['target', 'resolved']);
    expect(asked.length).toBeGreaterThan(2);
    expect(new Set(asked.slice(1))).toEqual(new Set([1_000]));
  },
);
