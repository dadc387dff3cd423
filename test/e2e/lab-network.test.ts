import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLab, type Lab, needsRoot, ownName } from './support/lab.ts';
import { bulkServer, listener, ticker } from './support/scripts.ts';
import { noLabTraces } from './support/traces.ts';
import { until } from './support/until.ts';

describe.skipIf(needsRoot)('the network of a lab (needs root)', () => {
  const lab = createLab(`${ownName}-n`);

  beforeAll(async () => {
    const up = await lab.run(['up', '--nodes', '3', '--no-agent']);
    expect(up, up.stderr).toMatchObject({ exitCode: 0 });
  });
  afterAll(async () => {
    await lab.run(['down']);
  });

  test('cut --from stops established connections between two nodes only, heal lets them go on', async () => {
    const server = lab.start(['exec', 'n2', '--', 'python3', '-uc', ticker]);
    await once(server.stdout!, 'data');
    const client = lab.start(['exec', 'n1', '--', 'python3', '-uc', listener]);
    let ticks = 0;
    createInterface(client.stdout!).on('line', () => {
      ticks += 1;
    });
    await until('first ticks', 20_000, () => ticks > 3);
    expect((await lab.run(['cut', 'n1', '--from', 'n2'])).exitCode).toBe(0);
    // What had come through may still be on its way from the listener to us.
    let atCut = ticks;
    await until('no more ticks', 30_000, async () => {
      const before = ticks;
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      atCut = ticks;
      return ticks === before;
    });
    await lab.sh('n3', 'ping -c 1 -W 2 n1 && ping -c 1 -W 2 n2');
    await expect(lab.sh('n1', 'ping -c 1 -W 1 n2')).rejects.toThrow('exit 1');
    expect(ticks).toBe(atCut);
    expect((await lab.run(['status'])).stdout).toMatch(/^n1 .* n2$/m);
    expect((await lab.run(['heal', 'n2', '--from', 'n1'])).exitCode).toBe(0);
    await until('ticks go on over the same connection', 30_000, () => ticks > atCut + 3);
    client.kill('SIGTERM');
    server.kill('SIGTERM');
  });

  test('cut takes a node off the whole network, client included; heal mends all', async () => {
    await lab.run(['cut', 'n3']);
    await lab.run(['cut', 'n1', '--from', 'client']);
    await expect(lab.sh('n3', 'ping -c 1 -W 1 n1')).rejects.toThrow('exit 1');
    await expect(lab.sh('n3', 'ping -c 1 -W 1 client')).rejects.toThrow('exit 1');
    await expect(lab.sh('n1', 'ping -c 1 -W 1 client')).rejects.toThrow('exit 1');
    await lab.sh('n1', 'ping -c 1 -W 2 n2');
    await lab.run(['heal', 'n3']);
    await lab.run(['heal', 'n1']);
    await until('n3 is back', 30_000, () => answers(lab, 'n3', 'n1'));
    await until('n3 reaches the client', 30_000, () => answers(lab, 'n3', 'client'));
    await until('n1 reaches the client', 30_000, () => answers(lab, 'n1', 'client'));
  });

  test('a second instance stands beside it with the same addresses', async () => {
    const other = createLab(`${ownName}-b`);
    try {
      expect((await other.run(['up', '--nodes', '1', '--no-agent', '--rate', '40mbit'])).exitCode).toBe(0);
      await other.sh('n1', 'echo other >/root/who');
      await expect(lab.sh('n1', 'cat /root/who')).rejects.toThrow('No such file');
      expect((await other.run(['client', '--', 'ping', '-c', '1', '10.77.0.12'])).exitCode).not.toBe(0);
      // 4 MB at 40 Mbit/s take 0.8 s, whichever way.
      await other.sh('n1', 'head -c 4000000 /dev/zero >/tmp/data');
      const up = await transferSeconds(other, 5001, 'cat /tmp/data >&3; head -c 1 <&3 >/dev/null');
      const down = await transferSeconds(other, 5002, 'head -c 4000000 <&3 >/dev/null');
      for (const seconds of [up, down]) {
        expect(seconds).toBeGreaterThan(0.6);
        expect(seconds).toBeLessThan(8);
      }
    } finally {
      await other.run(['down']);
    }
    await noLabTraces(other.instance);
    await lab.sh('n1', 'ping -c 1 -W 2 n2');
  });
});

/** Whether a ping comes back. Just after a cut the first may not: the kernel may be about to give up a neighbour. */
async function answers(lab: Lab, from: string, to: string): Promise<boolean> {
  return (await lab.run(['exec', from, '--', 'ping', '-c', '1', '-W', '1', to])).exitCode === 0;
}

/** Seconds that a shell in n1 needs to copy 4 MB over a TCP connection with the client, as descriptor 3. */
async function transferSeconds(lab: Lab, port: number, copy: string): Promise<number> {
  const peer = lab.start(['client', '--', process.execPath, '-e', bulkServer]);
  await once(peer.stdout!, 'data');
  const script = `exec 3<>/dev/tcp/10.77.0.1/${port}; s=$EPOCHREALTIME; ${copy}; e=$EPOCHREALTIME; echo $((${'$'}{e/./} - ${'$'}{s/./}))`;
  const result = await lab.run(['exec', 'n1', '--', 'bash', '-c', script]);
  peer.kill('SIGTERM');
  return Number(result.stdout) / 1e6;
}
