import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { openSync, readFileSync, readSync } from 'node:fs';
import { mkdtemp, rm, unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManyfoldClient } from '../../e2e/workloads/manyfold/client.ts';

const program = new URL('../../e2e/workloads/manyfold/manyfold.py', import.meta.url).pathname;
const python = ['/usr/bin/python3', 'python3'].find((file) => spawnSync(file, ['--version']).status === 0);

describe.skipIf(!python)('manyfold', () => {
  let directory: string;
  let child: ChildProcess;
  let port: number;
  let client: ManyfoldClient;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'manyfold-'));
    child = spawn(String(python), ['-I', '-S', program, '0', directory, '2'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    if (!child.stdout) throw new Error('no stdout');
    const [line] = await once(createInterface({ input: child.stdout }), 'line');
    port = Number(line);
    client = await ManyfoldClient.open('127.0.0.1', port);
  });
  afterEach(async () => {
    client.close();
    if (child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit');
      process.kill(-(child.pid ?? 0), 'SIGKILL');
      await gone;
    }
    await rm(directory, { recursive: true });
  });

  const wrongOf = async () => {
    const { checks } = await client.check();
    return Object.keys(checks).filter((name) => checks[name] !== 'ok');
  };
  const workerPid = () =>
    Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim());

  it('finds everything right, again and again, over several connections', async () => {
    const first = await client.check();
    expect(first).toMatchObject({ ok: true, checked: 1, pid: child.pid });
    expect(Object.keys(first.checks)).toEqual(
      expect.arrayContaining([
        'worker',
        'threads',
        'pipe',
        'socketpair',
        'datagrams',
        'tcp',
        'deleted file',
        'eventfd',
        'memory',
      ]),
    );
    const other = await ManyfoldClient.open('127.0.0.1', port);
    expect((await other.check()).ok).toBe(true);
    other.close();
    const third = await client.check();
    expect(third).toMatchObject({ ok: true, checked: 3 });
    expect(third.counter).toBeGreaterThan(first.counter);
  });

  it('goes on after it was stopped and continued', async () => {
    process.kill(-(child.pid ?? 0), 'SIGSTOP');
    const asked = client.check();
    process.kill(-(child.pid ?? 0), 'SIGCONT');
    expect((await asked).ok).toBe(true);
  });

  it('notices data that was taken, and data that was added', async () => {
    readSync(openSync(join(directory, 'manyfold.fifo'), 'r'), Buffer.alloc(10));
    const sender = `import socket; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"x", "${directory}/manyfold.dgram")`;
    expect(spawnSync(String(python), ['-I', '-S', '-c', sender]).status).toBe(0);
    expect((await wrongOf()).sort()).toEqual(['datagrams', 'fifo']);
  }, 30_000);

  it('notices a name that is gone and a child that does not run', async () => {
    await unlink(join(directory, 'manyfold.locked'));
    process.kill(workerPid(), 'SIGSTOP');
    expect((await wrongOf()).sort()).toEqual(['file lock', 'worker']);
  }, 30_000);

  it('tells the client when it ends', async () => {
    child.kill('SIGTERM');
    await expect(client.check()).rejects.toThrow(/^connection to manyfold lost: /);
    expect(child.exitCode ?? (await once(child, 'exit'))[0]).toBe(0);
  });
});
