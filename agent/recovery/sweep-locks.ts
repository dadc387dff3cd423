import { readFile, readlink } from 'node:fs/promises';
import { basename } from 'node:path';
import { GodwitError } from '../../protocol/mod.ts';
import { findLeftWork } from '../checkpoint/notes.ts';
import { findProcesses } from '../host/named-processes.ts';
import { hasNetworkLock } from '../host/network-lock.ts';
import type { Agent } from '../migration/agent.ts';
import { letGo } from '../migration/source/held.ts';
import { findLeftMoves } from './left-moves.ts';

/**
 * Takes criu's network lock, and the TCP repair that comes with it, from containers of this node that run and that nothing
 * works on: no job, no notes, no living criu. One that stands still is left alone: somebody may have reasons. `suspects`
 * keeps those that are busy, for the next time.
 */
export async function sweepNetworkLocks(agent: Agent, suspects: Set<string>): Promise<void> {
  for (const name of [...suspects]) {
    if (agent.containers.holder(name) !== undefined) continue;
    try {
      if ((await findLocked(agent, name)) !== undefined)
        await agent.containers.exclusively(name, 'sweep', () => unlock(agent, name));
      suspects.delete(name);
    } catch (error) {
      if (error instanceof GodwitError && error.code === 'CONTAINER_BUSY') continue;
      agent.log.error({ container: name, err: error }, 'its network lock could not be looked at');
    }
  }
}

async function unlock(agent: Agent, name: string): Promise<void> {
  const { log, runtime } = agent;
  // Once more: now nothing of ours can begin.
  const initPid = await findLocked(agent, name);
  if (initPid === undefined) return;
  log.warn({ container: name }, 'takes away a network lock that a killed criu left');
  await letGo(agent, 'sweep', { initPid, cgroup: await runtime.cgroup(name) }, []);
}

/** The init of a container that has such a lock; undefined where there is none, or it is not ours to take. */
async function findLocked(agent: Agent, name: string): Promise<number | undefined> {
  const { containers, arriving, runtime, runner } = agent;
  if (!containers.has(name) || [...arriving.values()].some((move) => move.container === name)) return;
  const { phase, job } = containers.get(name).record;
  if (phase !== 'running' || job !== undefined) return;
  const { state, pid } = await runtime.status(name);
  if (state !== 'running' || pid === undefined || !(await hasOwnNetwork(pid))) return;
  if (!(await hasNetworkLock(runner, pid))) return;
  return (await isNoted(agent, name)) || (await isHeldByCriu(name, pid)) ? undefined : pid;
}

/** In the host's own network a lock may be about anything. */
async function hasOwnNetwork(initPid: number): Promise<boolean> {
  const [own, host] = await Promise.all([initPid, 'self'].map((pid) => readlink(`/proc/${pid}/ns/net`)));
  return own !== host;
}

async function isNoted(agent: Agent, name: string): Promise<boolean> {
  const [{ leaving, arriving }, { saves, restores }] = await Promise.all([
    findLeftMoves(agent),
    findLeftWork(agent),
  ]);
  return [
    ...[...leaving, ...arriving].map(({ state }) => state.move.container),
    ...[...saves, ...restores].map(({ container }) => container),
  ].includes(name);
}

/** Told by its arguments; one that takes its orders from a socket has seized the tasks before it locks their network. */
async function isHeldByCriu(name: string, initPid: number): Promise<boolean> {
  const status = await readFile(`/proc/${initPid}/status`, 'utf8').catch(() => '');
  const tracer = Number(/^TracerPid:\s*(\d+)$/m.exec(status)?.[1] ?? 0);
  const crius = await findProcesses(([program = '']) => /^(criu|lxc-checkpoint)$/.test(basename(program)));
  return crius.some(
    ({ pid, argv }) => pid === tracer || argv.some((word) => word === name || word === String(initPid)),
  );
}
