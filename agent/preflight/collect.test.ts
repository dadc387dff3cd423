import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DomainSpec } from '../../protocol/mod.ts';
import type { Command, Runner } from '../effects/runner.ts';
import { systemClock } from '../effects/system-clock.ts';
import { createRunner } from '../effects/system-runner.ts';
import { SERVICES_CHANGE } from '../preparation/changes.ts';
import { setMark } from '../rootfs/mod.ts';
import type { ContainerStatus } from '../runtime/runtime.ts';
import { collectSourceFacts, type SourceContext } from './collect-source.ts';
import { collectTargetFacts, type TargetContext } from './collect-target.ts';
import type { TargetRequest } from './facts.ts';
import { sourceRefusals } from './source.ts';
import { targetRefusals } from './target.ts';
import { CAPABLE, REQUEST, SPEC } from './testing.ts';

/** A made-up node: /proc and /sys below a directory, children with fixed answers. */
describe('collecting facts', () => {
  let root: string;
  let spec: DomainSpec;
  const asked: Command[] = [];
  const answers = new Map<string, string>();
  const runner: Runner = {
    run: async (command) => {
      asked.push(command);
      const stdout = answers.get(command.file);
      const exitCode = stdout === undefined ? 127 : 0;
      return { exitCode, signal: null, stdout: stdout ?? '', stderr: '', timedOut: false, durationMs: 1 };
    },
    start: () => {
      throw new Error('nothing is left running');
    },
  };

  async function put(path: string, text = ''): Promise<void> {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), text);
  }
  async function putLink(path: string, target: string): Promise<void> {
    await mkdir(join(root, path, '..'), { recursive: true });
    await symlink(target, join(root, path));
  }
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'node-'));
    asked.length = 0;
    answers.clear();
    spec = {
      ...SPEC,
      root: { ...SPEC.root, source: join(root, 'srv/shop') },
      filesystems: [{ type: 'mount', source: join(root, 'srv/data'), target: '/data', readonly: false }],
    };
    await put('srv/shop/sbin/init', '#!/bin/sh');
    await put('srv/data/file');
    await put('proc/cpuinfo', 'flags\t\t: fpu sse4_2 avx2\n');
    await put('proc/sys/fs/pipe-max-size', '1048576\n');
    await put('sys/class/net/br0/bridge/forward_delay');
    await put('sys/class/net/br0/address', '52:54:00:00:00:02\n');
    await put('sys/class/net/eth0/address', '52:54:00:00:00:03\n');
  });
  afterEach(() => rm(root, { recursive: true }));

  const knows = (known: ContainerStatus[]): TargetContext['runtime'] => ({
    list: async () => known,
    lacks: async () => [],
    bridges: ({ interfaces }) => interfaces.flatMap(({ bridge }) => bridge ?? []),
  });
  const target = (change: Partial<TargetContext> = {}): TargetContext => ({
    node: 'n2',
    state: 'up',
    capabilities: CAPABLE,
    jobs: { running: 0, limit: 2 },
    memoryAvailableBytes: 4 * 1024 ** 3,
    runDir: join(root, 'run/godwit'),
    runtime: knows([]),
    ours: () => true,
    containers: [],
    runner,
    clock: { ...systemClock, nowMs: () => REQUEST.nowMs },
    root,
    ...change,
  });
  const codesAt = async (change: Partial<TargetContext> = {}, wanted: DomainSpec = spec) => {
    const request = { ...REQUEST, spec: wanted };
    const { rootfs: _another, ...unsaid } = request;
    const refusals = targetRefusals(unsaid, await collectTargetFacts(unsaid, target(change)));
    // Whether the tests' own temporary directory is a tmpfs is not the point here.
    return refusals.map((refusal) => refusal.code).filter((code) => code !== 'RUN_DIR_DISK');
  };

  it('finds nothing against a target that has everything', async () => {
    answers.set(
      'ip',
      '[{"dst":"10.77.1.5","lladdr":"52:54:00:aa:bb:01","state":["REACHABLE"]},{"dst":"10.77.1.9"}]',
    );
    expect(await codesAt()).toEqual([]);
    expect(asked.map(({ file, args }) => [file, args.at(-1)])).toEqual([
      // What it remembers of the address is forgotten first.
      ['ip', '10.77.1.5'],
      ['ping', '10.77.1.5'],
      ['ip', 'show'],
    ]);
  });

  it('finds what the node lacks', async () => {
    await rm(join(root, 'srv'), { recursive: true });
    await rm(join(root, 'sys/class/net/br0/bridge'), { recursive: true });
    expect(await codesAt()).toEqual(['BRIDGE_MISSING', 'MOUNT_SOURCE_MISSING', 'ROOTFS_MISSING']);
  });

  it('finds other holders of the name, the address and the MAC', async () => {
    answers.set('ip', '[{"dst":"10.77.1.5","lladdr":"52:54:00:99:99:99"}]');
    await put('sys/class/net/veth7/address', '52:54:00:AA:BB:01\n');
    const runtime = knows([{ name: 'shop', state: 'running' }]);
    expect(await codesAt({ runtime })).toEqual(['NAME_IN_USE', 'ADDRESS_IN_USE', 'MAC_IN_USE']);
  });

  it('tells a definition of its own from a stranger, both stopped', async () => {
    const runtime = knows([{ name: 'shop', state: 'stopped' }]);
    expect(await codesAt({ runtime })).toEqual([]);
    expect(await codesAt({ runtime, ours: () => false })).toEqual(['NAME_IN_USE']);
  });

  it('builds on a copy that it left only where no other container is by now', async () => {
    const [stateDir, wanted] = [join(root, 'state'), { ...spec, policy: { ...spec.policy, rootfs: 'copy' } }];
    const other = { ...SPEC, name: 'other' };
    const at = (dir: string, more: Partial<DomainSpec> = {}): DomainSpec => ({
      ...other,
      root: { ...other.root, source: join(root, dir) },
      ...more,
    });
    const roomWith = async (neighbour: DomainSpec) => {
      const context = target({ stateDir, neighbours: [neighbour] });
      return (await collectTargetFacts({ ...REQUEST, spec: wanted as DomainSpec }, context)).places[0]?.room;
    };
    expect(await roomWith(at('srv/other'))).toBe('taken');
    await setMark(stateDir, { uuid: spec.uuid, root: spec.root.source });
    expect(await roomWith(at('srv/other'))).toBe('basis');
    expect(await roomWith(at('srv/shop', { name: spec.name }))).toBe('basis');
    for (const dir of ['srv/shop', 'srv/shop/below', 'srv', 'srv/shop.migrated'])
      expect(await roomWith(at(dir)), dir).toBe('taken');
    const filesystems = [{ ...spec.filesystems[0], source: spec.root.source }] as DomainSpec['filesystems'];
    expect(await roomWith(at('srv/other', { filesystems }))).toBe('taken');
    const kept = { ...wanted, name: 'kept', root: { ...spec.root, source: join(root, 'srv/kept') } };
    wanted.root = { ...spec.root, source: join(root, 'srv/kept.migrated') };
    expect(await roomWith(kept as DomainSpec)).toBe('taken');
  });

  it('tells lower directories that cannot be the same, and looks at no others', async () => {
    const [base, runDir, own] = [join(root, 'srv/base'), join(root, 'run'), createRunner()];
    await put('srv/base/etc/hosts', 'one');
    await put('run/x');
    const policy = { ...spec.policy, rootfs: 'copy' as const, lower: [base] };
    const wanted = { ...spec, policy };
    const { lower } = await collectSourceFacts({ ...source(), runner: own, spec: wanted, runDir });
    expect(Object.keys(lower)).toEqual([base]);
    const request: TargetRequest = { ...REQUEST, spec: wanted, lower };
    const context = target({ runner: own, runDir, neighboursLater: true });
    const differs = async (asked = request) => {
      const found = targetRefusals(asked, await collectTargetFacts(asked, context));
      return found.filter(({ code }) => code === 'LOWER_DIFFERS').map(({ message }) => message);
    };
    expect(await differs()).toEqual([]);
    await put('srv/base/etc/hosts', 'another');
    expect(await differs()).toEqual([expect.stringContaining(`: ${base} has other entries in "etc"`)]);
    expect(await differs({ ...request, spec })).toEqual([]);
  });

  it('finds limits that come along and that the node does not have', async () => {
    const lacks: TargetContext['runtime']['lacks'] = async (_spec, files = []) =>
      files.filter((name) => name !== 'pids.max').map((what) => ({ kind: 'limit', what }));
    const request = { ...REQUEST, spec, limitFiles: ['memory.swap.max', 'pids.max'] };
    const facts = await collectTargetFacts(request, target({ runtime: { ...knows([]), lacks } }));
    expect(targetRefusals(request, facts)).toContainEqual(
      expect.objectContaining({
        code: 'LIMIT_UNAVAILABLE',
        message: 'the kernel has no such limit: memory.swap.max',
      }),
    );
  });

  it('does not take the container itself for another one', async () => {
    const shop = { name: 'shop', addresses: ['10.77.1.5'], macs: ['52:54:00:aa:bb:01'] };
    expect(await codesAt({ containers: [shop] })).toEqual([]);
    expect(await codesAt({ containers: [{ ...shop, name: 'twin' }] })).toEqual([
      'ADDRESS_IN_USE',
      'MAC_IN_USE',
    ]);
  });

  it('survives tools that are not there or talk garbage', async () => {
    expect(await codesAt()).toEqual([]);
    answers.set('ip', 'garbage {');
    expect(await codesAt()).toEqual([]);
    answers.set('ip', '{"not":"a list"}');
    expect(await codesAt()).toEqual([]);
  });

  const source = (change: Partial<SourceContext> = {}): SourceContext => ({
    node: 'n1',
    mode: 'postcopy',
    spec,
    capabilities: CAPABLE,
    jobs: { running: 0, limit: 2 },
    runtime: {
      status: async (name) => ({ name, state: 'running', pid: 7 }),
      dumpPlan: async () => ({
        initPid: 7,
        args: [],
        cgroup: { version: 'v2', dirs: { unified: '/sys/fs/cgroup/shop' } },
        limitFiles: ['memory.swap.max'],
      }),
    },
    runner,
    clock: systemClock,
    root,
    dumpsOtherUsers: () => Promise.reject(new Error('must not be asked')),
    ...change,
  });

  it('reads a running container below the given root', async () => {
    await put('proc/7/status', 'Name:\tinit\nState:\tS (sleeping)\nTracerPid:\t99\n');
    await put('proc/7/task/7/children', '8 ');
    await put('proc/8/status', 'Name:\tworker\nState:\tD (disk sleep)\nvoluntary_ctxt_switches:\t3\n');
    await put(
      'proc/7/mountinfo',
      '30 1 8:1 /srv/shop / rw - ext4 /dev/sda rw\n31 30 0:9 / /a\\040b rw - fuse.x x rw\n',
    );
    await put('sys/fs/cgroup/shop/cgroup.procs', '7\n');
    await put('sys/fs/cgroup/shop/a.slice/cgroup.procs', '8\n');
    const facts = await collectSourceFacts(source());
    expect(facts.cpuFlags).toEqual(['sse4_2', 'avx2']);
    expect(facts.rootfs?.entries).toMatch(/^[0-9a-f]{64}$/);
    expect(facts.pipe).toEqual({ maxBytes: 1_048_576, raisable: true });
    expect(facts.limitFiles).toEqual(['memory.swap.max']);
    expect(sourceRefusals(facts).map(({ code, message }) => [code, message.split(': ').at(-1)])).toEqual([
      ['TRACED', 'init (pid 7) by pid 99'],
      ['TASK_STUCK', 'worker (pid 8)'],
      ['MOUNT_KIND', 'fuse.x on /a b'],
    ]);
  });

  it('names services with a watchdog whose init does not take the word of each process, where that has to', async () => {
    const told = 'WATCHDOG_USEC=180000000\0WATCHDOG_PID=2\0';
    await put('proc/7/status', 'Name:\tsystemd\nNSpid:\t7\t1\n');
    await put('proc/7/task/7/children', '8 9 ');
    await put('proc/8/status', 'Name:\tjournald\nNSpid:\t8\t2\n');
    await put('proc/8/environ', `HOME=/\0${told}`);
    // Its child has the same environment.
    await put('proc/9/status', 'Name:\thelper\nNSpid:\t9\t3\n');
    await put('proc/9/environ', told);
    await put('sys/fs/cgroup/shop/cgroup.procs', '7\n8\n9\n');
    const on = (kernel: string) => collectSourceFacts(source({ capabilities: { ...CAPABLE, kernel } }));
    const facts = await on('6.9.0');
    expect(facts.unheard).toEqual(['journald (pid 8)']);
    expect(sourceRefusals(facts).map(({ code }) => code)).toEqual(['WATCHDOG_UNHEARD']);
    expect((await on('6.8.12')).unheard).toEqual([]);

    const conf = join(spec.root.source, SERVICES_CHANGE.path);
    await mkdir(dirname(conf), { recursive: true });
    await writeFile(conf, SERVICES_CHANGE.text.replace('NotifyAccess=all\n', ''));
    expect((await on('6.9.0')).unheard).toEqual(['journald (pid 8)']);
    await writeFile(conf, SERVICES_CHANGE.text);
    expect((await on('6.9.0')).unheard).toEqual([]);
  });

  it('does not take a task that waits a moment for its disk for one that hangs', async () => {
    await put('proc/7/status', 'Name:\tinit\nState:\tS (sleeping)\n');
    await put('proc/7/task/7/children', '8 ');
    const worker = (switches: number) =>
      `Name:\tworker\nState:\tD (disk sleep)\nvoluntary_ctxt_switches:\t${switches}\n`;
    await put('proc/8/status', worker(3));
    await put('sys/fs/cgroup/shop/cgroup.procs', '7\n8\n');
    const runs = setInterval(() => void put('proc/8/status', worker(Math.round(performance.now()))), 20);
    try {
      const facts = await collectSourceFacts(source());
      expect(sourceRefusals(facts).map(({ code }) => code)).not.toContain('TASK_STUCK');
    } finally {
      clearInterval(runs);
    }
  });

  it.each([
    ['an agent that lacks CAP_SYS_RESOURCE', '000001fffeffffff', false, ['LIMITS_HIDDEN']],
    ['one whose criu manages without', '000001fffeffffff', true, []],
    ['one that has it', '000001ffffffffff', false, []],
  ])('judges tasks of other users by what criu can do: %s', async (_agent, caps, manages, codes) => {
    await put('proc/self/status', `CapEff:\t${caps}\n`);
    await putLink('proc/self/ns/user', 'user:[1]');
    await put('proc/7/status', 'Name:\tinit\nState:\tS\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n');
    await put('proc/7/task/7/children', '8 9 ');
    await put('proc/8/status', 'Name:\tdb\nState:\tS\nUid:\t26\t26\t26\t26\nGid:\t0\t0\t0\t0\n');
    await put('proc/9/status', 'Name:\tx\nState:\tS\nUid:\t0\t0\t0\t0\nGid:\t5\t5\t5\t5\n');
    await putLink('proc/8/ns/user', 'user:[1]');
    await putLink('proc/9/ns/user', 'user:[2]');
    await put('sys/fs/cgroup/shop/cgroup.procs', '7\n8\n9\n');
    const facts = await collectSourceFacts(source({ dumpsOtherUsers: async () => manages }));
    expect(sourceRefusals(facts).map(({ code }) => code)).toEqual(codes);
  });

  it('copies no directory through a link', async () => {
    const stateDir = join(root, 'state');
    const copied = async () => {
      const wanted: DomainSpec = { ...spec, policy: { ...spec.policy, rootfs: 'copy' } };
      return (await collectSourceFacts(source({ spec: wanted, stateDir }))).copied[0]?.directory;
    };
    expect(await copied()).toBe(true);
    await putLink('srv/link', 'shop');
    spec = { ...spec, root: { ...spec.root, source: join(root, 'srv/link') } };
    expect(await copied()).toBe(false);
  });

  it('does not look into a container that is stopped', async () => {
    const runtime = {
      status: async (name: string) => ({ name, state: 'stopped' as const }),
      dumpPlan: () => Promise.reject(new Error('must not be asked')),
    };
    const facts = await collectSourceFacts(source({ runtime }));
    expect(sourceRefusals(facts).map((refusal) => refusal.message)).toEqual([
      'the container does not run: it is stopped',
    ]);
  });

  it("tries the target's data port", async () => {
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const peer = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
    expect((await collectSourceFacts(source({ peer }))).dataPort).toEqual({
      address: `127.0.0.1:${peer.port}`,
    });
    await new Promise((resolve) => server.close(resolve));
    expect((await collectSourceFacts(source({ peer }))).dataPort?.problem).toMatch(/ECONNREFUSED/);
  });
});
