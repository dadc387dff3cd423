import { type DomainSpec, GodwitError } from '../../../protocol/mod.ts';
import { both } from '../../effects/both.ts';
import { wordsOf } from '../../host/failure.ts';
import { killCgroup } from '../../host/freeze.ts';
import { inNetwork } from '../../host/in-network.ts';
import type { ContainerStatus, StopWish } from '../runtime.ts';
import { payloadOf, startedStatus, statusOf } from './info.ts';
import { initArgv } from './init-command.ts';
import { writeLimits } from './limits.ts';
import { routeCommands } from './network.ts';
import { mountOverlay } from './overlay.ts';
import { removeLinks, sweepContainer } from './sweep.ts';
import { callTool, checkTool, type Lxc, problemOf, runtimeFailed } from './tool.ts';

const START_MS = 30_000;
const ROUTE_MS = 5_000;
/** What lxc-stop needs beyond the time the container itself may take. */
const STOP_GRACE_MS = 10_000;

/** Starts a defined container and gives it its limits. What a failed start left behind is swept. @throws GodwitError CONTAINER_STATE, RUNTIME_FAILED, CHILD_TIMEOUT */
export async function startContainer(options: Lxc, spec: DomainSpec): Promise<ContainerStatus> {
  const { name } = spec;
  const before = await statusOf(options, name);
  if (before.state !== 'stopped') {
    throw new GodwitError('CONTAINER_STATE', { container: name, state: before.state, wanted: 'stopped' });
  }
  await removeLinks(options, name);
  const call = {
    tool: 'lxc-start',
    name,
    args: ['-d', '--', ...initArgv(spec.os)],
    deadlineMs: START_MS,
    silent: true,
  } as const;
  try {
    await mountOverlay(options, spec);
    const result = await callTool(options, call);
    checkTool(call, result);
    const status = await startedStatus(options, name);
    if (status.state !== 'running' || status.pid === undefined) {
      throw runtimeFailed(
        'lxc-start',
        name,
        result.errors.length > 0 ? problemOf(result) : `${spec.os.init} ended at once`,
      );
    }
    await writeLimits(await payloadOf(status.pid), spec);
    await setRoutes(options, status.pid, spec);
    return status;
  } catch (error) {
    await stopContainer(options, name, { timeoutMs: 0, kill: true });
    throw error;
  }
}

/**
 * Stops a container and returns when nothing of it is left: its init is asked to end and after `timeoutMs` every task is
 * killed; `kill` does so at once. `dead` is called as soon as none is left. A container that does not run is only swept. @throws GodwitError RUNTIME_FAILED, HOST_FAILED
 */
export async function stopContainer(options: Lxc, name: string, how: StopWish): Promise<void> {
  const { state, pid } = await statusOf(options, name);
  if (pid !== undefined) {
    const paths = await payloadOf(pid);
    // A frozen container cannot follow a request to end.
    if (!how.kill && how.timeoutMs > 0 && state === 'running') await askToEnd(options, name, how.timeoutMs);
    await killCgroup(paths, options.clock);
  }
  const { dead = async () => {} } = how;
  // What LXC does not own may have tasks elsewhere, which only the sweep finds.
  if (state === 'running' || state === 'frozen') {
    await both(sweepContainer(options, name), dead());
    return;
  }
  await sweepContainer(options, name);
  await dead();
}

/** Sets the routes that LXC has no key for; a restore brings them along by itself. @throws GodwitError RUNTIME_FAILED */
async function setRoutes({ runner }: Lxc, initPid: number, spec: DomainSpec): Promise<void> {
  for (const route of spec.interfaces.flatMap(routeCommands)) {
    const result = await runner.run({ ...inNetwork(initPid, 'ip', route), deadlineMs: ROUTE_MS });
    if (result.exitCode !== 0) throw runtimeFailed('ip', spec.name, `${route.join(' ')}: ${wordsOf(result)}`);
  }
}

/** lxc-stop's exit code is not looked at: what counts is whether tasks are left, and those are killed next. */
async function askToEnd(options: Lxc, name: string, timeoutMs: number): Promise<void> {
  const seconds = String(Math.ceil(timeoutMs / 1_000));
  await callTool(options, {
    tool: 'lxc-stop',
    name,
    args: ['--nokill', '-t', seconds],
    deadlineMs: timeoutMs + STOP_GRACE_MS,
    silent: true,
  });
}
