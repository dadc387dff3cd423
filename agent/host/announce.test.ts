import { expect, it } from 'vitest';
import type { InterfaceSpec } from '../../protocol/mod.ts';
import type { Clock } from '../effects/clock.ts';
import type { Command, RunResult } from '../effects/runner.ts';
import { announceAddresses } from './announce.ts';
import { announceFrames } from './announce-frames.ts';

const NIC: InterfaceSpec = {
  bridge: 'br0',
  mac: '52:54:00:00:00:01',
  guestName: 'eth0',
  addresses: [
    { family: 'ipv4', address: '10.77.1.1', prefix: 16 },
    { family: 'ipv6', address: 'fd77::1:1', prefix: 64 },
  ],
};

/** Both frames as a neighbour's kernel accepted them: it replaced a wrong MAC in its cache. */
const GRATUITOUS_ARP =
  'ffffffffffff525400000001080600010800060400015254000000010a4d01010000000000000a4d0101000000000000000000000000000000000000';
const ADVERTISEMENT =
  '33330000000152540000000186dd6000000000203afffd770000000000000000000000010001ff0200000000000000000000000000018800095720000000fd7700000000000000000000000100010201525400000001';

it('builds a gratuitous ARP and an unsolicited neighbour advertisement', () => {
  expect(announceFrames(NIC)).toEqual([GRATUITOUS_ARP, ADVERTISEMENT]);
});

it('reads every way to write an IPv6 address', () => {
  const target = (address: string) =>
    announceFrames({ mac: NIC.mac, addresses: [{ family: 'ipv6', address, prefix: 64 }] })[0]?.slice(44, 76);
  expect(target('::1')).toBe(`${'0'.repeat(31)}1`);
  expect(target('FD77:0:0:0:0:0:1:1')).toBe('fd770000000000000000000000010001');
  expect(target('fd77::')).toBe(`fd77${'0'.repeat(28)}`);
  expect(target('::ffff:10.0.0.1')).toBe(`${'0'.repeat(20)}ffff0a000001`);
});

it('still tells the switches where an interface without addresses is', () => {
  const [frame = ''] = announceFrames({ mac: NIC.mac, addresses: [] });
  expect(frame).toMatch(/^ffffffffffff5254000000018035/);
  expect(frame).toHaveLength(120);
});

/** A clock that only notes how long it was told to sleep, and a runner that notes what it was told to run. */
function bench(result: Partial<RunResult> = {}) {
  const sleeps: number[] = [];
  const calls: Command[] = [];
  const done = { exitCode: 0, signal: null, stdout: '', stderr: '', timedOut: false, durationMs: 1 };
  const clock: Clock = {
    nowMs: () => 0,
    monotonicMs: () => 0,
    sleep: (ms, signal) => {
      signal?.throwIfAborted();
      sleeps.push(ms);
      return Promise.resolve();
    },
    after: () => () => {},
  };
  const run = (command: Command) => {
    calls.push(command);
    return Promise.resolve({ ...done, ...result });
  };
  return { clock, runner: { run, start: () => expect.unreachable('run is enough') }, sleeps, calls };
}

it("keeps QEMU's schedule, from inside the network namespace", async () => {
  const { clock, runner, sleeps, calls } = bench();
  let sentWhenFirst = 0;
  await announceAddresses(42, [NIC], { runner, clock }, () => {
    sentWhenFirst = calls.length;
  });
  expect(sentWhenFirst).toBe(1);
  expect(sleeps).toEqual([50, 150, 250, 350]);
  expect(calls).toHaveLength(5);
  expect(calls[0]?.args[0]).toBe('--net=/proc/42/ns/net');
  expect(calls[0]?.args.slice(-4)).toEqual(['eth0', GRATUITOUS_ARP, 'eth0', ADVERTISEMENT]);
});

it('ends early when told to, and says what went wrong', async () => {
  const stopped = bench();
  const signal = AbortSignal.abort(new Error('moved on'));
  await expect(announceAddresses(42, [NIC], { ...stopped, signal })).rejects.toThrow('moved on');
  expect(stopped.calls).toHaveLength(1);
  const broken = bench({ exitCode: 19, stderr: 'interface eth0: No such device\n' });
  await expect(announceAddresses(42, [NIC], broken)).rejects.toMatchObject({
    code: 'HOST_FAILED',
    message: expect.stringContaining('No such device'),
  });
});

it('starts nothing for a container without interfaces', async () => {
  const { calls, ...idle } = bench();
  await announceAddresses(42, [], idle);
  expect(calls).toEqual([]);
});
