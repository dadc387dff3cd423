import { existsSync, readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createLab, labState, needsRoot, ownName } from './support/lab.ts';
import { fakeAgent, frozenTask } from './support/scripts.ts';
import { networksOf, noLabTraces, processesInNetworks } from './support/traces.ts';
import { until } from './support/until.ts';

describe.skipIf(needsRoot)('power of lab nodes (needs root)', () => {
  const lab = createLab(`${ownName}-p`);

  beforeAll(async () => {
    const up = await lab.run(['up', '--nodes', '3', '--no-agent']);
    expect(up, up.stderr).toMatchObject({ exitCode: 0 });
  });
  afterAll(async () => {
    await lab.run(['down']);
  });

  test('power-off kills everything at once, frozen tasks too; power-on brings back the same node', async () => {
    const identity = 'hostname; cat /etc/machine-id /sys/class/net/br0/address; ip -4 -o address show br0';
    const before = await lab.sh('n2', identity);
    await lab.sh('n2', 'echo kept >/root/disk; echo gone >/run/memory');
    await lab.sh('n2', frozenTask);
    const first = Number(readFileSync(`${labState}/${lab.instance}/nodes/n2/pid`, 'utf8'));
    const networks = networksOf([first]);
    expect(networks).toHaveLength(1);
    const waiting = lab.start(['exec', 'n2', '--', 'sleep', '1000']);
    const off = await lab.run(['power-off', 'n2']);
    expect(off, off.stderr).toMatchObject({ exitCode: 0 });
    expect(processesInNetworks(networks)).toEqual([]);
    await until('exec ended', 30_000, () => waiting.exitCode !== null || waiting.signalCode !== null);
    expect((await lab.run(['exec', 'n2', '--', 'true'])).exitCode).toBe(255);
    expect((await lab.run(['power-off', 'n2'])).exitCode).toBe(1);
    expect((await lab.run(['status'])).stdout).toMatch(/^n2 .* off /m);

    const on = await lab.run(['power-on', 'n2']);
    expect(on, on.stderr).toMatchObject({ exitCode: 0 });
    expect(await lab.sh('n2', identity)).toBe(before);
    expect(await lab.sh('n2', 'cat /root/disk; ls /run')).toMatch(/^kept\n(?!.*memory)/s);
    await lab.sh('n2', 'ping -c 1 -W 2 n1');
    expect((await lab.run(['power-on', 'n2'])).exitCode).toBe(1);
  });

  test('the agent of a node is kept running, stays down when stopped, and reads its environment file', async () => {
    const running = async () => await lab.sh('n1', 'cat /run/lab/agent.pid 2>/dev/null || true');
    const log = async () => (await lab.run(['agent', 'n1', 'log'])).stdout;
    await lab.sh('n1', fakeAgent);
    expect(await running()).toBe('');
    expect((await lab.run(['agent', 'n1', 'start'])).exitCode).toBe(0);
    await until('agent runs', 30_000, async () => (await log()).includes('agent with fault none'));
    const first = await running();

    await lab.sh('n1', 'echo GODWIT_FAULT=dump:hang >/etc/default/godwit-agent');
    expect((await lab.run(['agent', 'n1', 'kill'])).exitCode).toBe(0);
    await until('it comes back by itself', 30_000, async () =>
      (await log()).includes('agent with fault dump:hang'),
    );
    expect(await running()).not.toBe(first);

    expect((await lab.run(['agent', 'n1', 'stop'])).exitCode).toBe(0);
    await lab.run(['power-off', 'n1']);
    await lab.run(['power-on', 'n1']);
    expect(await running()).toBe('');
    expect((await lab.run(['agent', 'n1', 'start'])).exitCode).toBe(0);
    await until('agent runs again', 30_000, async () => (await running()) !== '');
    expect((await lab.run(['status'])).stdout).toMatch(/^n1 .* running /m);
  });

  test('a node whose first process was killed counts as off and can be powered on', async () => {
    const pid = Number(readFileSync(`${labState}/${lab.instance}/nodes/n3/pid`, 'utf8'));
    process.kill(pid, 'SIGKILL');
    await until('n3 is off', 30_000, async () => /^n3 .* off /m.test((await lab.run(['status'])).stdout));
    expect((await lab.run(['power-on', 'n3'])).exitCode).toBe(0);
    await lab.sh('n3', 'ping -c 1 -W 2 n1');
  });
});

describe.skipIf(needsRoot)('a lab whose `up` was killed half-way (needs root)', () => {
  const lab = createLab(`${ownName}-k`);
  afterEach(async () => {
    await lab.run(['down']);
  });

  test.each(['switch.netns', 'nodes/n1/procs', 'nodes/n1/pid'])('killed when %s appeared', async (file) => {
    const up = lab.start(['up', '--nodes', '2', '--no-agent']);
    await until(`${file} appears`, 30_000, () => existsSync(`${labState}/${lab.instance}/${file}`));
    up.kill('SIGKILL');
    const again = await lab.run(['up', '--nodes', '1', '--no-agent']);
    expect(again, again.stderr).toMatchObject({ exitCode: 0 });
    expect(await lab.sh('n1', 'hostname')).toBe('n1');
    const killed = lab.start(['up', '--nodes', '2', '--no-agent']);
    await until(`${file} appears again`, 30_000, () => existsSync(`${labState}/${lab.instance}/${file}`));
    killed.kill('SIGKILL');
    const down = await lab.run(['down']);
    expect(down, down.stderr).toMatchObject({ exitCode: 0 });
    await noLabTraces(lab.instance);
  });
});
