import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type DomainSpec, GodwitError } from '../../../protocol/mod.ts';
import { deviceHierarchy } from '../../host/cgroup-paths.ts';
import { hasCode, hostFailed } from '../../host/failure.ts';
import { pinBridgeAddress } from '../../host/link.ts';
import type { Restored, RestorePlan } from '../runtime.ts';
import { putInForce } from './in-force.ts';
import { payloadOf, runningStatus, startedStatus, statusOf } from './info.ts';
import { bridgesOf } from './network.ts';
import { mountOverlay } from './overlay.ts';
import { isRestoring } from './restorers.ts';
import { removeLinks, sweepContainer } from './sweep.ts';
import { callTool, type Lxc, problemOf, type ToolResult } from './tool.ts';
import { unwrapCriu, wrapCriu } from './wrap-criu.ts';

/** Nobody tells the end of a process that is not our child. */
const POLL_MS = 20;

/**
 * Restores a container through `lxc-checkpoint -r`, so that LXC's monitor becomes its parent and lxc-info, lxc-stop and
 * lxc-attach work as on a container that was started. Options LXC does not know travel in criu's configuration file.
 * When it fails, runs out of time or is aborted, everything it had built is killed and swept before this rejects.
 * @throws GodwitError CONTAINER_STATE, RESTORE_FAILED, MOVE_ABORTED
 */
export async function restoreFrom(options: Lxc, plan: RestorePlan): Promise<Restored> {
  const { spec } = plan;
  const { name } = spec;
  await refuseUnlessStopped(options, name);
  // An interface of an earlier life may still be on its way out after its namespace; its name is needed now.
  await removeLinks(options, name);
  for (const bridge of bridgesOf(spec, options.networks ?? {})) {
    await pinBridgeAddress(options.runner, bridge);
  }
  options.restoring.add(name);
  try {
    await mountOverlay(options, spec);
    await runRestore(options, plan);
  } catch (error) {
    options.restoring.delete(name);
    await sweepContainer(options, name);
    throw error;
  }
  options.restoring.delete(name);
  return takeOver(options, spec);
}

/** Waits for the end of a restore that an earlier agent began. @throws GodwitError RESTORE_FAILED; the signal's reason */
export async function awaitRestored(options: Lxc, spec: DomainSpec, signal: AbortSignal): Promise<Restored> {
  const { name } = spec;
  options.restoring.add(name);
  try {
    while (await isRestoring(name)) await options.clock.sleep(POLL_MS, signal);
  } finally {
    options.restoring.delete(name);
  }
  await rm(criuConfig(options, name), { force: true });
  await unwrapCriu(wrapperDir(options, name));
  const { state } = await statusOf(options, name);
  if (state === 'running' || state === 'frozen') return takeOver(options, spec);
  await sweepContainer(options, name);
  const problem = `the restore that an earlier agent began ended, and '${name}' is ${state}`;
  throw new GodwitError('RESTORE_FAILED', { target: options.node, problem });
}

async function takeOver(options: Lxc, spec: DomainSpec): Promise<Restored> {
  const { pid } = await runningStatus(options, spec.name, startedStatus);
  await putInForce(options, spec, { initPid: pid, paths: await payloadOf(pid) });
  return { initPid: pid };
}

function criuConfig({ runDir }: Lxc, name: string): string {
  return join(runDir, `${name}.criu.conf`);
}

function wrapperDir({ runDir }: Lxc, name: string): string {
  return join(runDir, `${name}.criu`);
}

async function runRestore(options: Lxc, plan: RestorePlan): Promise<void> {
  const { spec, imageDir, deadlineMs, signal } = plan;
  const configFile = criuConfig(options, spec.name);
  const dir = wrapperDir(options, spec.name);
  const node = { networks: options.networks ?? {}, devices: await deviceHierarchy() };
  try {
    const wrapped = await wrapCriu(dir, plan, node);
    await writeConfig(options, configFile, [...plan.criuConfig, ...(wrapped?.criuConfig ?? [])]);
    const result = await callTool(options, {
      tool: 'lxc-checkpoint',
      name: spec.name,
      args: ['-r', '-D', imageDir, '-d'],
      deadlineMs,
      env: { CRIU_CONFIG_FILE: configFile, ...(wrapped ? { PATH: wrapped.path } : {}) },
      signal,
      silent: true,
    });
    await keepLog(plan);
    if (result.ended !== 'itself' || result.result.exitCode !== 0) throw await failure(options, plan, result);
  } finally {
    await rm(configFile, { force: true });
    await unwrapCriu(dir);
  }
}

async function refuseUnlessStopped(options: Lxc, name: string): Promise<void> {
  const { state, pid } = await statusOf(options, name);
  if (state === 'stopped') return;
  // Leftovers of an attempt that died with the agent; a container that LXC runs is refused by the sweep itself.
  if (state === 'unknown' && pid !== undefined) return sweepContainer(options, name);
  throw new GodwitError('CONTAINER_STATE', { container: name, state, wanted: 'stopped' });
}

async function writeConfig(options: Lxc, file: string, lines: readonly string[]): Promise<void> {
  if (lines.some((line) => /[\r\n\0]/.test(line))) {
    throw new GodwitError('INTERNAL', { problem: 'a line of the criu configuration holds a line break' });
  }
  await mkdir(options.runDir, { recursive: true, mode: 0o700 });
  await writeFile(file, [...lines, ''].join('\n'), { mode: 0o600 });
}

/** liblxc fixes criu's log at restore.log beside the images, which go away with their tmpfs. */
async function keepLog({ imageDir, logFile }: RestorePlan): Promise<void> {
  const log = join(imageDir, 'restore.log');
  if (log === logFile) return;
  await copyFile(log, logFile).catch((error: unknown) => {
    // Without a log criu did not even start; LXC's own error says why.
    if (!hasCode(error, 'ENOENT')) throw hostFailed(`keeping ${log}`, error);
  });
}

/** Why it failed: criu's first error lines, or else LXC's. */
async function failure(options: Lxc, plan: RestorePlan, result: ToolResult): Promise<GodwitError> {
  if (result.ended === 'aborted') {
    const { reason } = plan.signal;
    return reason instanceof GodwitError
      ? reason
      : new GodwitError('MOVE_ABORTED', { problem: 'the restore was stopped' });
  }
  const { lines, cure } = await options.explain(plan.logFile);
  const late = result.ended === 'timeout';
  const words = lines.length > 0 || late ? lines : [problemOf(result)];
  return new GodwitError('RESTORE_FAILED', {
    target: options.node,
    problem: [...(late ? [`no end within ${plan.deadlineMs} ms`] : []), ...words].join('; '),
    cure,
    lines,
    lxc: result.errors,
  });
}
