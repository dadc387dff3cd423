import { expect, it } from 'vitest';
import { GodwitError, type NodeInfo, subjects } from '../../../protocol/mod.ts';
import { nodeInfo } from '../../../test/support/messages.ts';
import { FakeClock } from '../../transfer/fake-clock.ts';
import type { Agent } from '../agent.ts';
import { askTarget } from './ask-target.ts';

/** A target that never says ready; its agent answers questions about the node for as long as told. */
function scene({ livesMs }: { readonly livesMs: number }) {
  const clock = new FakeClock();
  const names = subjects('lab');
  const info = nodeInfo('n2');
  const request = async (subject: string, _body: object, { timeoutMs = 2_000 } = {}) => {
    if (subject === names.node('n2', 'info') && clock.monotonicMs() <= livesMs) return info;
    await clock.sleep(timeoutMs);
    throw new GodwitError('BUS_TIMEOUT', { subject, timeoutMs });
  };
  const agent = { clock, subjects: names, bus: { request } } as unknown as Agent;
  const ended: { code?: string; atMs?: number } = {};
  askTarget(agent, info as NodeInfo, {}).catch(({ code }: GodwitError) =>
    Object.assign(ended, { code, atMs: clock.monotonicMs() }),
  );
  return { clock, ended };
}

it('gives a silent target up after 20 s', async () => {
  const { clock, ended } = scene({ livesMs: -1 });
  await clock.advance(19_999);
  expect(ended).toEqual({});
  await clock.advance(2);
  expect(ended).toEqual({ code: 'BUS_TIMEOUT', atMs: 20_000 });
});

it('waits for a slow target while its agent is heard', async () => {
  const { clock, ended } = scene({ livesMs: 60_000 });
  await clock.advance(79_999);
  expect(ended).toEqual({});
  await clock.advance(2);
  expect(ended).toEqual({ code: 'BUS_TIMEOUT', atMs: 80_000 });
});

it('but not for ever', async () => {
  const { clock, ended } = scene({ livesMs: Number.POSITIVE_INFINITY });
  await clock.advance(119_999);
  expect(ended).toEqual({});
  await clock.advance(2);
  expect(ended).toEqual({ code: 'BUS_TIMEOUT', atMs: 120_000 });
});
