import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLab, needsRoot, ownName } from './support/lab.ts';
import { dumpContainer, restoreContainer, startContainer } from './support/scripts.ts';
import { labProcesses, networksOf, noLabTraces, processesInNetworks } from './support/traces.ts';
import { until } from './support/until.ts';

describe.skipIf(needsRoot)('a lab of three nodes (needs root)', () => {
  const lab = createLab(`${ownName}-a`);
  const linksBefore = hostLinks();

  beforeAll(async () => {
    const up = await lab.run(['up', '--nodes', '3', '--no-agent']);
    expect(up, up.stderr).toMatchObject({ exitCode: 0 });
  });
  afterAll(async () => {
    await lab.run(['down']);
  });

  test('nodes and client see each other, the machine sees none of it', async () => {
    await lab.sh('n1', 'ping -c 1 -W 2 n2 && ping -c 1 -W 2 n3 && ping -c 1 -W 2 client');
    const client = await lab.run([
      'client',
      '--',
      'bash',
      '-c',
      'echo "$NATS_URL"; exec 3<>/dev/tcp/10.77.0.12/1',
    ]);
    expect(client.stdout).toBe('nats://10.77.0.11:4222,nats://10.77.0.12:4222,nats://10.77.0.13:4222');
    expect(client.stderr).toContain('Connection refused');
    expect(
      hostLinks().filter((name) => !linksBefore.includes(name) && /^(n\d+|sw0|br0)$/.test(name)),
    ).toEqual([]);
  });

  test('exec hands on stdin, exit code and arguments, and joins the node in every respect', async () => {
    const odd = ['two words', '', '*', "'", '$HOME'];
    const echo = await lab.run(['exec', 'n2', '--', 'printf', '%s|', ...odd]);
    expect(echo.stdout).toBe(`${odd.join('|')}|`);
    expect(
      (await lab.run(['exec', 'n2', '--', 'sh', '-c', 'cat; exit 7'], { input: 'through' })).stdout,
    ).toBe('through');
    expect((await lab.run(['exec', 'n2', '--', 'sh', '-c', 'exit 7'])).exitCode).toBe(7);
    expect(await lab.sh('n2', 'hostname; id -u; readlink /proc/1/exe')).toBe('n2\n0\n/usr/bin/tini');
    const groups = (await lab.sh('n2', 'cat /proc/self/cgroup'))
      .split('\n')
      .map((line) => line.split(':')[2]);
    expect(groups.every((path) => path === '/' || path === '/init.scope')).toBe(true);
    for (const kind of ['mnt', 'pid', 'net', 'uts', 'ipc', 'cgroup']) {
      expect(await lab.sh('n2', `readlink /proc/self/ns/${kind}`)).toBe(
        await lab.sh('n2', `readlink /proc/1/ns/${kind}`),
      );
    }
  });

  test('killing `lab exec` ends the command inside', async () => {
    const child = lab.start(['exec', 'n1', '--', 'sh', '-c', 'echo ready; exec sleep 4321']);
    await once(child.stdout!, 'data');
    child.kill('SIGTERM');
    await until(
      'sleep ended',
      30_000,
      async () => !(await lab.sh('n1', 'ps -eo args')).includes('sleep 4321'),
    );
  });

  test('a node runs a container: LXC starts it, CRIU dumps it, LXC restores it', async () => {
    expect((await lab.run(['rootfs', 'generic', 'c1'])).exitCode).toBe(0);
    await lab.sh('n1', startContainer);
    const before = Number(await lab.sh('n1', 'lxc-attach -n c1 -- /bin/cat /data/count'));
    await lab.sh('n1', dumpContainer);
    expect(await lab.sh('n1', 'lxc-info -s -n c1')).toContain('STOPPED');
    await lab.sh('n1', restoreContainer);
    expect(await lab.sh('n1', 'lxc-info -s -n c1')).toContain('RUNNING');
    await until('the counter goes on', 30_000, async () => {
      return Number(await lab.sh('n1', 'lxc-attach -n c1 -- /bin/cat /data/count')) > before;
    });
    await lab.sh('n1', 'lxc-stop -k -n c1');
  });

  test('wrong words are refused with one line and the right exit code', async () => {
    for (const [args, code, word] of [
      [['fly'], 2, 'unknown verb'],
      [['up', '--nodes', '0'], 2, '--nodes'],
      [['up', '--rate', 'fast'], 2, 'rate'],
      [['cut', 'n9'], 1, "no node 'n9'"],
      [['cut', 'n1', '--from', 'n1'], 2, 'same node'],
      [['exec', 'n9', '--', 'true'], 255, "no node 'n9'"],
      [['exec', '../n1', '--', 'true'], 255, 'no node'],
      [['agent', 'n1', 'dance'], 2, 'usage'],
    ] as const) {
      const result = await lab.run(args);
      expect({ args, code: result.exitCode }).toEqual({ args, code });
      expect(result.stderr).toContain(word);
      expect(result.stderr.split('\n')).toHaveLength(1);
    }
    expect((await createLab('../evil').run(['status'])).exitCode).toBe(2);
  });

  test('down leaves nothing, also of what still ran', async () => {
    lab.start(['client', '--', 'sleep', '1000']);
    await lab.sh('n1', 'setsid sleep 1000 </dev/null >/dev/null 2>&1 &');
    await until('the client runs', 30_000, () =>
      labProcesses(lab.instance).some((pid) => commandOf(pid).includes('sleep')),
    );
    const ran = labProcesses(lab.instance);
    const own = networksOf([process.pid]);
    const networks = networksOf(ran).filter((network) => !own.includes(network));
    expect(ran.length).toBeGreaterThan(6);
    // Verbs that wait for the end of `down` find no lab, and make nothing anew.
    const [down] = await Promise.all([
      lab.run(['down']),
      lab.run(['power-off', 'n2']),
      lab.run(['cut', 'n1']),
    ]);
    expect(down, down.stderr).toMatchObject({ exitCode: 0 });
    await noLabTraces(lab.instance);
    expect(processesInNetworks(networks)).toEqual([]);
    expect((await lab.run(['down'])).exitCode).toBe(0);
    expect((await lab.run(['exec', 'n1', '--', 'true'])).exitCode).toBe(255);
  });
});

function hostLinks(): string[] {
  return readFileSync('/proc/net/dev', 'utf8')
    .split('\n')
    .flatMap((line) => /^ *([^: ]+):/.exec(line)?.[1] ?? []);
}

function commandOf(pid: number): string {
  return existsSync(`/proc/${pid}/cmdline`) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : '';
}
