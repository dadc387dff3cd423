import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { GodwitError, isContainerName } from '../../../protocol/mod.ts';
import { cgroupOf } from '../../host/cgroup-paths.ts';
import { hasCode, hostFailed, wordsOf } from '../../host/failure.ts';
import { isFenced } from '../../host/freeze.ts';
import { birthOf } from '../../host/process-birth.ts';
import { runTree } from '../../host/process-tree.ts';
import type { CgroupPaths, ContainerStatus } from '../runtime.ts';
import { hasMonitor } from './monitor.ts';
import { configFile, cutToPayload } from './names.ts';
import { strayInit } from './payload.ts';
import { type Lxc, runtimeFailed } from './tool.ts';

/** lxc-info takes some 20 ms, but for ever while a restore is held: its monitor does not answer before the tasks run. */
const DEADLINE_MS = 3_000;
/** What the kernel tells is read without a wait: a list lets others have their turn after so many containers. */
const TURN = 10;

/**
 * What LXC and the kernel know of a container. `unknown`: not defined on this node, on its way up or down (also a
 * restore that is held by its hook), or with tasks that LXC does not own. @throws GodwitError RUNTIME_FAILED
 */
export async function statusOf(options: Lxc, name: string): Promise<ContainerStatus> {
  if (!existsSync(configFile(options.lxcPath, name)) || options.restoring.has(name))
    return stray(name, 'unknown');
  // No process is started for what the kernel tells: a list of a hundred containers would cost seconds.
  if ((await hasMonitor(options, name)) === false) return stray(name, 'stopped');
  const known = options.inits.get(name);
  if (known !== undefined && (await birthOf(known.pid)) === known.birth) return up(name, known.pid);
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
  await remember(options, name, pid);
  return up(name, pid);
}

/** The status right after LXC has said that the container is up; lxc-info is asked only where the kernel does not tell. */
export async function startedStatus(options: Lxc, name: string): Promise<ContainerStatus> {
  const pid = await strayInit(name);
  if (pid === undefined) return statusOf(options, name);
  await remember(options, name, pid);
  return up(name, pid);
}

async function remember({ inits }: Lxc, name: string, pid: number): Promise<void> {
  const birth = await birthOf(pid);
  if (birth !== undefined) inits.set(name, { pid, birth });
}

/** A container whose init lives under LXC's monitor. */
async function up(name: string, pid: number): Promise<ContainerStatus> {
  return { name, state: (await isFenced(await payloadOf(pid))) ? 'frozen' : 'running', pid };
}

/** Every container defined under lxcPath. */
export async function listAll(options: Lxc): Promise<ContainerStatus[]> {
  const names = await readdir(options.lxcPath).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return [];
    throw hostFailed(`reading ${options.lxcPath}`, error);
  });
  const found: ContainerStatus[] = [];
  // One after the other: a node has two cores for its containers, not for a hundred lxc-info at once.
  for (const [at, name] of names.filter(isContainerName).sort().entries()) {
    if (at % TURN === TURN - 1) await setImmediate();
    if (existsSync(configFile(options.lxcPath, name))) found.push(await statusOf(options, name));
  }
  return found;
}

/** The status of a container that must be up. @throws GodwitError CONTAINER_STATE */
export async function runningStatus(
  options: Lxc,
  name: string,
  look = statusOf,
): Promise<ContainerStatus & { readonly pid: number }> {
  const status = await look(options, name);
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
