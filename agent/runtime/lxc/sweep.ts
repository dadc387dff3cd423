import { rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GodwitError, isContainerName } from '../../../protocol/mod.ts';
import { cgroupPids, cgroupTree, isGone } from '../../host/cgroup-tree.ts';
import { hasCode, hostFailed } from '../../host/failure.ts';
import { freezerDir, killCgroup } from '../../host/freeze.ts';
import { entriesOf } from '../../host/kernel-text.ts';
import { deleteLink } from '../../host/link.ts';
import { findProcesses } from '../../host/named-processes.ts';
import { birthOf } from '../../host/process-birth.ts';
import type { CgroupPaths } from '../runtime.ts';
import { statusOf } from './info.ts';
import { hostVethPrefix, monitorGroup, monitorTitle, payloadGroup } from './names.ts';
import { unmountOverlay } from './overlay.ts';
import { lxcGroup } from './payload.ts';
import { killRestorers } from './restorers.ts';
import type { Lxc } from './tool.ts';

/** How long LXC's monitor may take to tidy up by itself after its container has ended. */
const MONITOR_MS = 3_000;
const REMOVE_MS = 3_000;
/** A clean end takes some 15 ms; a look takes a tenth of one. */
const SOON_MS = 50;
const POLL_SOON_MS = 1;
const POLL_MS = 5;

/**
 * Removes what a container that LXC no longer runs left on this node: a restore that is still being built or held by its
 * hook, tasks and a monitor without an owner, its cgroups, the host's ends of its veths, its overlay. Safe to repeat. @throws GodwitError CONTAINER_STATE (it runs), HOST_FAILED
 */
export async function sweepContainer(options: Lxc, name: string): Promise<void> {
  await refuseRunning(options, name);
  const [payload, monitor] = await Promise.all([lxcGroup(payloadGroup(name)), lxcGroup(monitorGroup(name))]);
  const monitors = await findProcesses((argv) => argv[0] === monitorTitle(options.lxcPath, name));
  // Tasks that die on a network that is still there may be heard by their clients (migration/kill-unheard.ts).
  await removeLinks(options, name);
  await killRestorers(name);
  await killCgroup(payload, options.clock);
  await waitFor(options, MONITOR_MS, async () => {
    // It leaves its cgroup to remove it, and is not done by then.
    const births = await Promise.all(monitors.map(({ pid }) => birthOf(pid)));
    return (
      births.every((birth) => birth === undefined) && (await cgroupPids(freezerDir(monitor))).length === 0
    );
  });
  await killCgroup(monitor, options.clock);
  const dirs = new Set([...Object.values(payload.dirs), ...Object.values(monitor.dirs)]);
  await Promise.all([...dirs].map((dir) => removeGroup(options, dir)));
  await removeNumbered(options, name, [payload, monitor]);
  await removeLinks(options, name);
  await unmountOverlay(options, name);
}

/** Removes the host's ends of a container's veths; they are found by name, without the container's XML. */
export async function removeLinks(options: Lxc, name: string): Promise<void> {
  const prefix = hostVethPrefix(name);
  const links = entriesOf('/sys/class/net');
  for (const link of links) {
    if (link.startsWith(prefix) && /^\d+$/.test(link.slice(prefix.length)))
      await deleteLink(options.runner, link);
  }
}

/** LXC notices the end of an init that somebody else killed a moment later; that moment is waited for. */
async function refuseRunning(options: Lxc, name: string): Promise<void> {
  let state = 'unknown';
  const gone = await waitFor(options, MONITOR_MS, async () => {
    if (!(await hasTasks(name))) return true;
    const status = await statusOf(options, name);
    state = status.state;
    return state !== 'running' && state !== 'frozen';
  });
  if (!gone) throw new GodwitError('CONTAINER_STATE', { container: name, state, wanted: 'stopped' });
}

async function hasTasks(name: string): Promise<boolean> {
  return (await cgroupPids(freezerDir(await lxcGroup(payloadGroup(name))))).length > 0;
}

/** Removes a cgroup and all below it; the kernel needs a moment after the last task's death. */
async function removeGroup(options: Lxc, dir: string): Promise<void> {
  let problem: unknown = 'still in use';
  const removed = await waitFor(options, REMOVE_MS, async () => {
    for (const group of (await cgroupTree(dir)).reverse()) {
      try {
        await rmdir(group);
      } catch (error) {
        problem = error;
        if (hasCode(error, 'EBUSY')) return false;
        if (!isGone(error)) throw hostFailed(`removing the cgroup ${group}`, error);
      }
    }
    return true;
  });
  if (!removed) throw hostFailed(`removing the cgroup ${dir}`, problem);
}

/**
 * When the plain name is taken, LXC makes lxc.payload.NAME-1 and so on. Such a group may also belong to a container that
 * is called NAME-1: only empty ones are removed, and none whose name is defined here.
 */
async function removeNumbered(options: Lxc, name: string, groups: readonly CgroupPaths[]): Promise<void> {
  const defined = new Set(entriesOf(options.lxcPath).filter(isContainerName));
  const dirs = new Set(groups.flatMap((group) => Object.values(group.dirs)));
  const remove = async (dir: string) => {
    const entries = entriesOf(dirname(dir));
    for (const entry of entries) {
      const path = join(dirname(dir), entry);
      const number = path.startsWith(`${dir}-`) ? path.slice(dir.length + 1) : '';
      if (!/^\d+$/.test(number) || defined.has(`${name}-${number}`)) continue;
      if ((await cgroupPids(path)).length === 0) await removeGroup(options, path);
    }
  };
  await Promise.all([...dirs].map(remove));
}

/** Polls, soon and then less often: neither LXC's monitor nor a v1 cgroup says when it is done. False when the time was not enough. */
async function waitFor(options: Lxc, ms: number, done: () => Promise<boolean>): Promise<boolean> {
  const { clock } = options;
  const untilMs = clock.monotonicMs() + ms;
  while (!(await done())) {
    const leftMs = untilMs - clock.monotonicMs();
    if (leftMs <= 0) return false;
    await clock.sleep(ms - leftMs < SOON_MS ? POLL_SOON_MS : POLL_MS);
  }
  return true;
}
