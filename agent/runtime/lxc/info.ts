import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { GodwitError, isContainerName } from '../../../protocol/mod.ts';
import { cgroupOf } from '../../host/cgroup-paths.ts';
import { hasCode, hostFailed, wordsOf } from '../../host/failure.ts';
import { isFrozen } from '../../host/freeze.ts';
import { runTree } from '../../host/process-tree.ts';
import type { CgroupPaths, ContainerStatus } from '../runtime.ts';
import { configFile, cutToPayload } from './names.ts';
import { strayInit } from './payload.ts';
import { type Lxc, runtimeFailed } from './tool.ts';

/** lxc-info takes some 20 ms, but for ever while a restore is held: its monitor does not answer before the tasks run. */
const DEADLINE_MS = 3_000;

/**
 * What LXC and the kernel know of a container. `unknown`: not defined on this node, on its way up or down (also a
 * restore that is held by its hook), or with tasks that LXC does not own. @throws GodwitError RUNTIME_FAILED
 */
export async function statusOf(options: Lxc, name: string): Promise<ContainerStatus> {
  if (!existsSync(configFile(options.lxcPath, name)) || options.restoring.has(name))
    return stray(name, 'unknown');
  const args = ['-n', name, '-P', options.lxcPath, '-s', '-p', '-H'];
  const { result, ended } = await runTree(options.runner, options.clock, {
    file: 'lxc-info',
    args,
    deadlineMs: DEADLINE_MS,
  });
  if (ended === 'timeout') return stray(name, 'unknown');
  const state = /^State:\s*(\w+)$/m.exec(result.stdout)?.[1];
  if (result.exitCode !== 0 || state === undefined) throw runtimeFailed('lxc-info', name, wordsOf(result));
  if (state === 'STOPPED') return stray(name, 'stopped');
  const pid = Number(/^PID:\s*(\d+)$/m.exec(result.stdout)?.[1] ?? 0);
  if (pid === 0 || !['RUNNING', 'FROZEN'].includes(state)) return stray(name, 'unknown');
  const frozen = state === 'FROZEN' || (await isFrozen(await payloadOf(pid)));
  return { name, state: frozen ? 'frozen' : 'running', pid };
}

/** Every container defined under lxcPath. */
export async function listAll(options: Lxc): Promise<ContainerStatus[]> {
  const names = await readdir(options.lxcPath).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return [];
    throw hostFailed(`reading ${options.lxcPath}`, error);
  });
  const found: ContainerStatus[] = [];
  // One after the other: a node has two cores for its containers, not for a hundred lxc-info at once.
  for (const name of names.filter(isContainerName).sort()) {
    if (existsSync(configFile(options.lxcPath, name))) found.push(await statusOf(options, name));
  }
  return found;
}

/** The status of a container that must be up. @throws GodwitError CONTAINER_STATE */
export async function runningStatus(
  options: Lxc,
  name: string,
): Promise<ContainerStatus & { readonly pid: number }> {
  const status = await statusOf(options, name);
  if (status.pid === undefined || status.state === 'stopped' || status.state === 'unknown') {
    throw new GodwitError('CONTAINER_STATE', { container: name, state: status.state, wanted: 'running' });
  }
  return { ...status, pid: status.pid };
}

/** The cgroup of a whole container, from the pid of its init. */
export function payloadOf(initPid: number): Promise<CgroupPaths> {
  return cgroupOf(initPid, { cut: cutToPayload });
}

/** For LXC nothing runs; the kernel may know better. */
async function stray(name: string, state: 'stopped' | 'unknown'): Promise<ContainerStatus> {
  const pid = await strayInit(name);
  return pid === undefined ? { name, state } : { name, state: 'unknown', pid };
}
