import { GodwitError } from '../../../protocol/mod.ts';
import { wordsOf } from '../../host/failure.ts';
import { freezeCgroup, thawCgroup } from '../../host/freeze.ts';
import type { Runtime } from '../runtime.ts';
import { describeForeign, takeOver } from './adopt/adopt.ts';
import { attachTo } from './attach.ts';
import { defineContainer, definedNames, undefineContainer } from './define.ts';
import { dumpPlanOf } from './dump-plan.ts';
import { execIn } from './exec.ts';
import { listAll, payloadOf, runningStatus, statusOf } from './info.ts';
import { lacksOf } from './lacks.ts';
import { startContainer, stopContainer } from './life.ts';
import { readLimitsOf, writeLimits } from './limits.ts';
import { hostVeth } from './names.ts';
import { bridgesOf } from './network.ts';
import { refreshOverlay } from './overlay.ts';
import { occupiedPayload } from './payload.ts';
import { awaitRestored, restoreFrom } from './restore.ts';
import { readStats } from './stats.ts';
import { sweepStrays } from './strays.ts';
import { removeLinks, sweepContainer } from './sweep.ts';
import type { Lxc, LxcOptions } from './tool.ts';

export type { LxcOptions } from './tool.ts';

const VERSION_MS = 5_000;

/** The driver for LXC containers (LXC 6 and 7, cgroup v1, hybrid and v2) through LXC's own command-line tools. */
export function createLxcRuntime(settings: LxcOptions): Runtime {
  const options: Lxc = {
    socketTable: '/proc/net/unix',
    ...settings,
    restoring: new Set(),
    inits: new Map(),
  };
  const cgroup = async (name: string) => payloadOf((await runningStatus(options, name)).pid);
  return {
    kind: 'lxc',
    version: () => lxcVersion(options),
    define: (spec) => defineContainer(options, spec),
    describeForeign: (name) => describeForeign(options, name),
    takeOver: (spec) => takeOver(options, spec),
    lacks: (spec, carried) => lacksOf(options, spec, carried),
    bridges: (spec) => bridgesOf(spec, options.networks ?? {}),
    links: ({ name, interfaces }) =>
      interfaces.map(({ mac }, index) => ({ hostEnd: hostVeth(name, index), mac })),
    undefine: (name) => undefineContainer(options, name),
    defined: () => definedNames(options),
    list: () => listAll(options),
    status: (name) => statusOf(options, name),
    start: (spec) => startContainer(options, spec),
    stop: (name, how) => stopContainer(options, name, how),
    suspend: async (name) => freezeCgroup(await cgroup(name), options.clock),
    resume: async (name) => thawCgroup(await cgroup(name), options.clock),
    stats: async (name) => readStats((await occupiedPayload(name)) ?? (await cgroup(name))),
    exec: (name, argv, wish) => execIn(options, name, argv, wish),
    attach: (name, argv, terminal) => attachTo(options, name, argv, terminal),
    dumpPlan: (spec) => dumpPlanOf(options, spec),
    restore: (plan) => restoreFrom(options, plan),
    restored: (spec, signal) => awaitRestored(options, spec, signal),
    rootFilled: (spec) => refreshOverlay(options, spec),
    cgroup,
    cgroupOf: payloadOf,
    applyLimits: async (spec) => writeLimits(await cgroup(spec.name), spec),
    readLimits: async (name) => readLimitsOf(await cgroup(name)),
    disconnect: (name) => removeLinks(options, name),
    sweep: (name) => sweepContainer(options, name),
    sweepStrays: (isOurs) => sweepStrays(options, isOurs),
  };
}

async function lxcVersion(options: Lxc): Promise<string> {
  const result = await options.runner.run({ file: 'lxc-info', args: ['--version'], deadlineMs: VERSION_MS });
  if (result.exitCode !== 0) {
    throw new GodwitError('RUNTIME_FAILED', { tool: 'lxc-info', container: 'any', problem: wordsOf(result) });
  }
  return result.stdout.trim();
}
