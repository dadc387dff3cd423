import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { machine, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LIMITS } from '../../../protocol/mod.ts';
import { systemClock } from '../../effects/system-clock.ts';
import { createRunner } from '../../effects/system-runner.ts';
import { lookRefusals } from '../source.ts';
import { type ContainerLook, lookInto } from './look.ts';
import { procAt } from './proc.ts';

const has = (program: string) => spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
// The system's own comes first: others may be slow wrappers.
const python = ['/usr/bin/python3', 'python3'].find(has);
const perl = has('perl');
const root = process.getuid?.() === 0;

/** Real processes of this test, looked at as if they were a container: a made-up cgroup directory names them. */
describe('lookInto, at real processes', { timeout: 30_000 }, () => {
  let cgroup: string;
  const started: ChildProcess[] = [];
  beforeEach(async () => {
    cgroup = await mkdtemp(join(tmpdir(), 'look-'));
  });
  afterEach(async () => {
    for (const child of started.splice(0)) {
      const gone = once(child, 'exit');
      // Its own process group: children it has left behind go, too.
      process.kill(-(child.pid ?? 0), 'SIGKILL');
      await gone;
    }
    await rm(cgroup, { recursive: true });
  });

  /** Starts a program and waits until it has written something; to a file, since Node's pipes are unix sockets. */
  async function ready(file: string, args: string[], stdin: 'ignore' | number = 'ignore'): Promise<number> {
    const said = join(cgroup, `out-${started.length}`);
    const out = openSync(said, 'w');
    const child = spawn(file, args, { stdio: [stdin, out, out], detached: true });
    closeSync(out);
    started.push(child);
    await expect.poll(() => readFileSync(said, 'utf8'), { timeout: 20_000, interval: 10 }).toContain('ready');
    return child.pid ?? 0;
  }

  async function look(initPid: number, pids: readonly number[], args: string[] = []): Promise<ContainerLook> {
    await writeFile(join(cgroup, 'cgroup.procs'), pids.map((pid) => `${pid}\n`).join(''));
    const context = {
      proc: procAt('/'),
      runner: createRunner(),
      clock: systemClock,
      machine: machine(),
      readsLimits: async () => false,
    };
    return lookInto(context, {
      initPid,
      args,
      cgroup: { version: 'v1', dirs: { freezer: cgroup } },
      limitFiles: [],
    });
  }
  const codes = (seen: ContainerLook) => lookRefusals('n1', seen).map((refusal) => refusal.code);
  const py = (code: string) => [
    '-c',
    `import os,socket,sys,ctypes,time\n${code}\nprint("ready",flush=True)\ntime.sleep(60)`,
  ];

  it.skipIf(!python)('finds nothing against files, pipes, sockets, memfd and eventfd', async () => {
    const pid = await ready(
      String(python),
      py(
        'import select\na,b=socket.socketpair(); t=socket.socket(); u=socket.socket(socket.AF_INET6,socket.SOCK_DGRAM)\nr,w=os.pipe(); e=select.epoll()\nm=os.memfd_create("m"); n=socket.socket(socket.AF_NETLINK,socket.SOCK_RAW,0)\nf=open("/etc/hostname")',
      ),
    );
    const seen = await look(pid, [pid]);
    expect(codes(seen)).toEqual([]);
    expect(seen.tasks.map((task) => task.pid)).toEqual([pid]);
    expect(seen.files.some((file) => file.link === '/etc/hostname' && file.mountId !== undefined)).toBe(true);
    if (perl)
      expect(seen.sockets.map((socket) => socket.protocol).sort()).toEqual([
        'NETLINK',
        'TCP',
        'UDPv6',
        'UNIX-STREAM',
        'UNIX-STREAM',
      ]);
  });

  it.skipIf(!python)('finds anonymous inodes, devices and large deleted files', async () => {
    const pid = await ready(
      String(python),
      py(
        'l=ctypes.CDLL(None)\nl.syscall(444,ctypes.create_string_buffer((1).to_bytes(8,"little")),8,0)\nimport tempfile\nf=tempfile.TemporaryFile(); f.write(b"x"*2000000); f.flush()\nd=os.open("/dev/fuse",os.O_RDONLY) if os.path.exists("/dev/fuse") else -1',
      ),
    );
    const seen = await look(pid, [pid]);
    const found = codes(seen);
    expect(found).toContain('GHOST_TOO_LARGE');
    if (seen.files.some((file) => file.link.includes('landlock'))) expect(found).toContain('ANON_INODE');
    if (seen.files.some((file) => file.link === '/dev/fuse')) expect(found).toContain('DEVICE_OPEN');
    expect(codes(await look(pid, [pid], ['--ghost-limit', '4000000']))).not.toContain('GHOST_TOO_LARGE');
  });

  it.skipIf(!python)('finds io_uring by descriptor and by mapping', async (test) => {
    const rings =
      'l=ctypes.CDLL(None,use_errno=True)\nl.mmap.restype=ctypes.c_void_p\nl.mmap.argtypes=[ctypes.c_void_p,ctypes.c_size_t,ctypes.c_int,ctypes.c_int,ctypes.c_int,ctypes.c_long]\nr=l.syscall(425,4,ctypes.create_string_buffer(256))\n';
    const pid = await ready(String(python), py(rings));
    const seen = await look(pid, [pid]);
    if (!seen.files.some((file) => file.link === 'anon_inode:[io_uring]'))
      test.skip('this kernel has io_uring turned off');
    expect(codes(seen)).toEqual(['IO_URING']);
    const hidden = await ready(String(python), py(`${rings}l.mmap(None,4096,3,1,r,0)\nos.close(r)`));
    const mapped = await look(hidden, [hidden]);
    expect(mapped.mappedRings).toEqual([hidden]);
    expect(codes(mapped)).toEqual(['IO_URING']);
  });

  it.skipIf(!python)('reads the interval of a periodic timer', async () => {
    const call = 'ctypes.CDLL(None).timerfd_settime(t,0,struct.pack("qqqq",I,0,5,0),None)';
    const arm = (interval: number) =>
      `import struct\nt=ctypes.CDLL(None).timerfd_create(1,0)\n${call.replace('I', String(interval))}`;
    const once = await ready(String(python), py(arm(0)));
    const often = await ready(String(python), py(arm(5)));
    expect(codes(await look(once, [once]))).toEqual([]);
    expect((await look(often, [often])).files.map((file) => file.timerMs)).toContain(5_000);
  });

  it.skipIf(!python || !perl)('tells sockets of a family criu does not know', async (test) => {
    const pid = await ready(String(python), py('try:\n  v=socket.socket(40,1)\nexcept OSError: pass'));
    const seen = await look(pid, [pid]);
    if (seen.sockets.length === 0) test.skip('this kernel has no vsock');
    expect(seen.sockets[0]?.protocol).toBe('AF_VSOCK');
    expect(codes(seen)).toEqual(['SOCKET_KIND']);
  });

  it.skipIf(!python || !root)('tells a unix connection to the outside from one within', async () => {
    const pid = await ready(
      String(python),
      // Ready when the child has let go of its parent's end, too.
      py(
        'a,b=socket.socketpair()\nif os.fork()==0:\n  a.close(); b.send(b"x"); time.sleep(60)\nb.close(); a.recv(1)',
      ),
    );
    const inside = await look(pid, [pid]);
    const child = inside.tasks.find((task) => task.pid !== pid)?.pid ?? 0;
    expect(codes(await look(pid, [pid, child]))).toEqual([]);
    // Seen from the child alone, its parent is outside.
    expect(codes(await look(child, [child]))).toEqual(['UNIX_OUTSIDE']);
  });

  it('tells who is in the tree but not in the cgroup, and the other way round', async () => {
    const pid = await ready('sh', ['-c', 'sleep 60 & echo ready; wait']);
    const stranger = await ready('sh', ['-c', 'echo ready; exec sleep 60']);
    const seen = await look(pid, [pid, stranger]);
    expect(seen.tasks.find((task) => task.pid === stranger)?.inTree).toBe(false);
    expect(codes(seen).filter((code) => code.startsWith('TASK'))).toEqual([
      'TASK_OUTSIDE_CGROUP',
      'TASK_FOREIGN',
    ]);
    const sleeper = seen.tasks.find((task) => task.inTree && task.pid !== pid);
    expect(sleeper).toMatchObject({ name: expect.stringMatching(/^(sh|sleep)$/), inCgroup: false });
  });

  it('walks nested cgroups, whatever their names', async () => {
    const pid = await ready('sh', ['-c', 'echo ready; exec sleep 60']);
    await mkdir(join(cgroup, 'system.slice', 'a'), { recursive: true });
    await writeFile(join(cgroup, 'system.slice', 'a', 'cgroup.procs'), `${pid}\n`);
    const seen = await look(pid, []);
    expect(seen.tasks).toMatchObject([{ pid, inTree: true, inCgroup: true }]);
  });

  it.skipIf(!root)('finds files of another mount namespace and nested namespaces', async () => {
    const host = openSync('/etc/hostname', 'r');
    try {
      const pid = await ready(
        'unshare',
        ['--mount', 'sh', '-c', 'unshare --uts sh -c "echo ready; exec sleep 60" & wait'],
        host,
      );
      const seen = await look(pid, [pid]);
      const child = seen.tasks.find((task) => task.pid !== pid)?.pid ?? 0;
      const refusals = lookRefusals('n1', await look(pid, [pid, child]));
      expect(refusals.find((refusal) => refusal.code === 'FILE_OUTSIDE')?.message).toContain(
        `stdin of sh (pid ${pid})`,
      );
      expect(refusals.map((refusal) => refusal.code)).toContain('NAMESPACE_NESTED');
    } finally {
      closeSync(host);
    }
  });

  it.skipIf(!python)('finds a watch on the memory events of a group of the container', async () => {
    const group = join(cgroup, 'init.scope');
    await mkdir(group);
    for (const name of ['memory.events', 'cgroup.events']) await writeFile(join(group, name), '');
    const watch = (name: string) =>
      py(
        `c=ctypes.CDLL(None); i=c.inotify_init(); assert c.inotify_add_watch(i, b"${join(group, name)}", 2) > 0`,
      );
    const bad = await ready(String(python), watch('memory.events'));
    expect(lookRefusals('n1', await look(bad, [bad]))).toMatchObject([
      { code: 'MEMORY_EVENTS', message: expect.stringContaining('/init.scope/memory.events by fd') },
    ]);
    const good = await ready(String(python), watch('cgroup.events'));
    expect(codes(await look(good, [good]))).toEqual([]);
  });

  it.skipIf(process.getuid?.() !== 0)('finds tasks of another user', async () => {
    const pid = await ready('setpriv', [
      '--regid=65534',
      '--clear-groups',
      'sh',
      '-c',
      'echo ready; sleep 60',
    ]);
    expect(codes(await look(pid, [pid]))).toContain('LIMITS_HIDDEN');
  });

  it('gives helpers that hang so much time a task, and then says what it does not know', async () => {
    const pid = await ready('sh', ['-c', 'sleep 60 & echo ready; wait']);
    await writeFile(join(cgroup, 'cgroup.procs'), `${pid}\n`);
    const given: number[] = [];
    const after = (ms: number, then: () => void) => {
      given.push(ms);
      then();
      return () => {};
    };
    const clock = { ...systemClock, monotonicMs: () => 0, after };
    const runner = { ...createRunner(), run: () => new Promise<never>(() => {}) };
    const cgroups = { version: 'v1', dirs: { freezer: cgroup } } as const;
    const context = { proc: procAt('/'), runner, clock, machine: machine(), readsLimits: async () => true };
    const seen = await lookInto(context, { initPid: pid, args: [], cgroup: cgroups, limitFiles: [] });
    expect(given).toEqual([LIMITS.lookMs + seen.tasks.length * LIMITS.lookTaskMs]);
    expect(codes(seen)).toContain('LOOK_INCOMPLETE');
  });

  it('is quick for fifty processes, and finds nothing of a process that is gone', async () => {
    const pid = await ready('sh', [
      '-c',
      'for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49; do sleep 60 & done; echo ready; wait',
    ]);
    const seen = await look(pid, [pid]);
    expect(seen.tasks).toHaveLength(50);
    expect(seen.omitted).toEqual([]);
    // Other work on the machine may be in the way once, not each time.
    await expect
      .poll(async () => (await look(pid, [pid])).durationMs, { timeout: 20_000, interval: 10 })
      .toBeLessThan(100);
    expect((await look(2 ** 22 + 1, [])).tasks).toEqual([]);
  });
});
