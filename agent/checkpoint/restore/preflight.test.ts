import { expect, it } from 'vitest';
import type { RunResult } from '../../effects/runner.ts';
import type { Agent } from '../../migration/agent.ts';
import type { RestorePlan, Way } from './plan.ts';
import { neighbourRefusals } from './preflight.ts';

const MAC = '52:54:00:aa:bb:01';

/** Codes of what speaks against it when its address is answered for by that MAC. */
async function codes(way: Way, lladdr: string): Promise<string[]> {
  const table = JSON.stringify([{ dst: '10.77.1.5', dev: 'br0', lladdr, state: ['REACHABLE'] }]);
  const result = { exitCode: 0, signal: null, stdout: table, stderr: '', timedOut: false, durationMs: 1 };
  const agent = { config: { node: 'n2' }, runner: { run: async (): Promise<RunResult> => result } };
  const spec = { interfaces: [{ mac: MAC.toUpperCase(), addresses: [{ address: '10.77.1.5' }] }] };
  const found = await neighbourRefusals(agent as unknown as Agent, { way, spec } as unknown as RestorePlan);
  return found.map(({ code }) => code);
}

it('takes the answer of its own interface for a copy that lives only where no other one of it may be', async () => {
  expect(await codes('own', MAC)).toEqual([]);
  expect(await codes('force', MAC)).toEqual(['COPY_ANSWERS']);
});

it.each(['own', 'take-over', 'force', 'create'] as const)(
  'is refused where another one answers (%s)',
  async (way) => {
    expect(await codes(way, '52:54:00:00:00:99')).toEqual(['ADDRESS_IN_USE']);
  },
);
