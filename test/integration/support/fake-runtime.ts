import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Criu } from '../../../agent/criu/criu.ts';
import type { Clock } from '../../../agent/effects/clock.ts';
import type { Runner } from '../../../agent/effects/runner.ts';
import { cgroupPids } from '../../../agent/host/cgroup-tree.ts';
import { freezeCgroup, isFrozen, killCgroup, thawCgroup } from '../../../agent/host/freeze.ts';
import { findProcesses } from '../../../agent/host/named-processes.ts';
import type {
  CgroupPaths,
  ContainerStatus,
  Lack,
  RestorePlan,
  Runtime,
} from '../../../agent/runtime/runtime.ts';
import { formatDomain } from '../../../protocol/domain/mod.ts';
import { GodwitError } from '../../../protocol/mod.ts';
import { checkout } from '../../e2e/support/checkout.ts';

/** Where the fake programs lie: they are no TypeScript, so not in `dist/`. */
export const FAKE_PROGRAMS = join(checkout, 'test/integration/support/bin');

/** Where a node's fake programs look for words. */
export function fakeWords(dir: string): string {
  return join(dir, 'fake');
}

/**
 * A runtime whose containers are one `sleep` each, in a directory that looks like a v1 freezer with a CPU controller: agents of several nodes
 * can share a machine, and a machine without LXC will do. Restores run fake-restore.mjs.
 */
export function fakeRuntime(options: {
  readonly dir: string;
  readonly node: string;
  readonly runner: Runner;
  readonly clock: Clock;
  readonly explain: Criu['explain'];
}): Runtime {
  const { dir, node, runner, clock, explain } = options;
  const restoring = new Set<string>();
  const home = (name: string) => join(dir, 'lxc', name);
  const config = (name: string) => join(home(name), 'config');
  const group = (name: string) => join(home(name), 'cgroup');
  const lacking = (): Lack[] => {
    if (!existsSync(join(fakeWords(dir), 'host'))) return [];
    return [
      { kind: 'network', what: 'blue' },
      { kind: 'topology', what: 'processor 64' },
    ];
  };
  const withoutLimits = (files: readonly string[] = []) =>
    existsSync(join(fakeWords(dir), 'limits')) ? files.map((what): Lack => ({ kind: 'limit', what })) : [];
  const paths = (name: string): CgroupPaths => ({
    version: 'v1',
    dirs: { freezer: group(name), cpu: group(name) },
  });

  const status = async (name: string): Promise<ContainerStatus> => {
    const [pid] = await cgroupPids(group(name));
    if (!existsSync(config(name)) || restoring.has(name))
      return { name, state: 'unknown', ...(pid ? { pid } : {}) };
    if (pid === undefined) return { name, state: 'stopped' };
    return { name, state: (await isFrozen(paths(name))) ? 'frozen' : 'running', pid };
  };
  const running = async (name: string): Promise<number> => {
    const { state, pid } = await status(name);
    if (pid === undefined || state === 'unknown')
      throw new GodwitError('CONTAINER_STATE', { container: name, state, wanted: 'running' });
    return pid;
  };
  const refuseRunning = async (name: string) => {
    const { state } = await status(name);
    if (state === 'running' || state === 'frozen')
      throw new GodwitError('CONTAINER_STATE', { container: name, state, wanted: 'stopped' });
  };
  const emptyGroup = (name: string) => {
    mkdirSync(group(name), { recursive: true });
    writeFileSync(join(group(name), 'cgroup.procs'), '');
    writeFileSync(join(group(name), 'freezer.state'), 'THAWED\n');
    writeFileSync(join(group(name), 'cpu.cfs_quota_us'), '-1\n');
    writeFileSync(join(group(name), 'cpu.cfs_period_us'), '100000\n');
  };
  const sweep = async (name: string) => {
    await refuseRunning(name);
    await killCgroup(paths(name), clock);
    rmSync(group(name), { recursive: true, force: true });
  };
  const restoreTasks = async (plan: RestorePlan) => {
    const [script = ''] = plan.criuConfig.filter((line) => line.startsWith('action-script '));
    const result = await runner.run({
      file: process.execPath,
      args: [
        join(FAKE_PROGRAMS, 'fake-restore.mjs'),
        plan.imageDir,
        script.replace('action-script ', ''),
        group(plan.spec.name),
      ],
      deadlineMs: plan.deadlineMs,
      signal: plan.signal,
      silent: true,
      detached: true,
    });
    await copyFile(join(plan.imageDir, 'restore.log'), plan.logFile).catch(() => {});
    if (plan.signal.aborted) throw plan.signal.reason;
    const pids = await cgroupPids(group(plan.spec.name));
    if (result.exitCode === 0 && pids.length > 0) return;
    const { lines, cure } = await explain(plan.logFile);
    const problem = lines[0] ?? `lxc-checkpoint ended with ${result.signal ?? result.exitCode}`;
    throw new GodwitError('RESTORE_FAILED', { target: node, problem, cure, lines });
  };

  return {
    kind: 'lxc',
    version: async () => '7.0.0',
    define: async (spec) => {
      const [first] = lacking();
      if (first) throw new GodwitError('NODE_LACKS', { node, container: spec.name, problem: first.what });
      mkdirSync(home(spec.name), { recursive: true });
      writeFileSync(config(spec.name), formatDomain(spec));
    },
    describeForeign: async (name) => {
      throw new GodwitError('CONTAINER_NOT_FOUND', { container: name });
    },
    takeOver: async () => async () => {},
    lacks: async (_spec, limitFiles) => [...lacking(), ...withoutLimits(limitFiles)],
    bridges: (spec) => spec.interfaces.flatMap((nic) => nic.bridge ?? []),
    links: () => [],
    undefine: async (name) => {
      await refuseRunning(name);
      rmSync(home(name), { recursive: true, force: true });
    },
    defined: async () => {
      const names = existsSync(join(dir, 'lxc')) ? readdirSync(join(dir, 'lxc')) : [];
      return names.filter((name) => existsSync(config(name)));
    },
    list: async () => {
      const names = existsSync(join(dir, 'lxc')) ? readdirSync(join(dir, 'lxc')) : [];
      return Promise.all(names.filter((name) => existsSync(config(name))).map(status));
    },
    status,
    start: async ({ name }) => {
      emptyGroup(name);
      spawn('/bin/sh', [join(FAKE_PROGRAMS, 'fake-tasks'), group(name)], {
        detached: true,
        stdio: 'ignore',
      }).unref();
      while (readFileSync(join(group(name), 'cgroup.procs'), 'utf8') === '') await clock.sleep(5);
      return status(name);
    },
    stop: async (name, { dead }) => {
      await killCgroup(paths(name), clock);
      await dead?.();
      await sweep(name);
    },
    suspend: async (name) => freezeCgroup(paths(name), clock),
    resume: async (name) => thawCgroup(paths(name), clock),
    stats: async () => ({ memoryBytes: 256 * 1024, processes: 1, cpuMs: 1 }),
    attach: async () => {
      throw new Error('nobody talks to a fake container');
    },
    exec: async (_name, argv) => ({ exitCode: 0, stdout: argv.join(' '), stderr: '' }),
    dumpPlan: async ({ name }) => {
      const initPid = await running(name);
      return {
        initPid,
        args: ['--freeze-cgroup', group(name), '-t', String(initPid)],
        cgroup: paths(name),
        limitFiles: ['memory.swap.max'],
      };
    },
    restore: async (plan) => {
      const { name } = plan.spec;
      emptyGroup(name);
      restoring.add(name);
      try {
        await restoreTasks(plan);
      } catch (error) {
        await sweep(name);
        throw error;
      } finally {
        restoring.delete(name);
      }
      return { initPid: await running(name) };
    },
    restored: async ({ name }, signal) => {
      restoring.add(name);
      const works = (argv: readonly string[]) =>
        argv.some((word) => word.endsWith('/fake-restore.mjs')) && argv.includes(group(name));
      while ((await findProcesses(works)).length > 0) await clock.sleep(5, signal);
      restoring.delete(name);
      if ((await status(name)).state !== 'stopped') return { initPid: await running(name) };
      await sweep(name);
      throw new GodwitError('RESTORE_FAILED', { target: node, problem: 'nothing was restored' });
    },
    cgroup: async (name) => {
      await running(name);
      return paths(name);
    },
    cgroupOf: async (initPid) => {
      const dir = readlinkSync(`/proc/${initPid}/cwd`);
      return { version: 'v1', dirs: { freezer: dir } };
    },
    applyLimits: async () => {},
    rootFilled: async () => {},
    readLimits: async () => ({}),
    sweep,
    disconnect: async () => {},
    sweepStrays: async () => [],
  };
}
