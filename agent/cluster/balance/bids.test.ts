import { expect, it, vi } from 'vitest';
import { subjects } from '../../../protocol/mod.ts';
import type { Agent } from '../../migration/agent.ts';
import { askTarget } from './bids.ts';

/** A node that cannot tell what its container uses. */
function failing(names: readonly string[]) {
  const request = vi.fn();
  const agent = {
    bus: { request },
    subjects: subjects('lab'),
    containers: {
      has: (name: string) => names.includes(name),
      get: (name: string) => ({ record: { name }, spec: { policy: {} } }),
    },
    runtime: { stats: () => Promise.reject(new Error('lxc-info hangs')) },
    capabilities: async () => ({ arch: 'x86_64' }),
    log: { info: vi.fn(), warn: vi.fn() },
  } as unknown as Agent;
  const manner = { auction: 'a', firm: false, planned: [] };
  return { request, ask: () => askTarget(agent, { container: 'web', target: 'n2' }, manner) };
}

it('does not take its own failure for the silence of the target', async () => {
  for (const { request, ask } of [failing(['web']), failing([])]) {
    const answer = await ask();
    expect(answer).toMatchObject({ container: 'web', node: 'n2', problem: expect.stringMatching(/./) });
    expect(answer.said).toBeUndefined();
    expect(request).not.toHaveBeenCalled();
  }
});
