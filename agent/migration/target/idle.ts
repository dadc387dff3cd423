import { readFile } from 'node:fs/promises';
import { cgroupPids } from '../../host/cgroup-tree.ts';
import { freezerDir } from '../../host/freeze.ts';
import type { Agent } from '../agent.ts';

/** Long enough for what a move left to do: timers that are due, connections that go on. */
const SETTLE_MS = 2_000;
const WATCH_MS = 3_000;
/** Share of the time in which it wants to run. What should only wait for events is far below it, what spins is not. */
const SPINNING = 0.7;
const MANAGER = /^systemd/;
const CURE = '`godwit prepare-rootfs NAME --apply`, and restart the container';

/**
 * Looks whether processes of systemd spin after a restore: a pressure (PSI) trigger that did not come along makes their event
 * loop turn without end, and no log says so. The source keeps the remark with the job. Never rejects.
 */
export async function watchIdle(
  agent: Agent,
  job: string,
  container: string,
  initPid: number,
): Promise<void> {
  const { clock, log, bus, subjects } = agent;
  try {
    if (!MANAGER.test((await demandOf(initPid))?.name ?? '')) return;
    await clock.sleep(SETTLE_MS);
    const spinning = await findSpinning(agent, initPid);
    if (spinning.length === 0) return;
    const text = `${container} is busy where it should wait: ${spinning.join(', ')}; cure: ${CURE}`;
    log.warn({ job, container, spinning }, 'processes of systemd spin since the restore');
    await bus.request(subjects.job(job, 'remark'), { type: 'io.godwit.v1.job.remark.request', job, text });
  } catch (error) {
    log.warn({ job, err: error }, 'whether the container is idle is not known');
  }
}

async function findSpinning({ clock, runtime }: Agent, initPid: number): Promise<string[]> {
  const pids = await cgroupPids(freezerDir(await runtime.cgroupOf(initPid)));
  const look = () => Promise.all(pids.map(demandOf));
  const [before, beganMs] = [await look(), clock.monotonicMs()];
  await clock.sleep(WATCH_MS);
  const [after, tookMs] = [await look(), clock.monotonicMs() - beganMs];
  return after.flatMap((now, index) => {
    const then = before[index];
    if (!now || !then || !MANAGER.test(now.name)) return [];
    const share = (now.wantedMs - then.wantedMs) / tookMs;
    return share < SPINNING ? [] : [`${now.name} (pid ${pids[index]})`];
  });
}

/** Name, and for how long it has wanted to run; undefined when it has ended. */
async function demandOf(
  pid: number,
): Promise<{ readonly name: string; readonly wantedMs: number } | undefined> {
  const [name, schedstat] = await Promise.all([readProc(pid, 'comm'), readProc(pid, 'schedstat')]);
  if (name === '') return undefined;
  // On a processor, and ready but waiting for one: on a busy machine a loop shows mostly in the second.
  const [ranNs = 0, waitedNs = 0] = schedstat.split(' ').map(Number);
  return { name: name.trimEnd(), wantedMs: (ranNs + waitedNs) / 1e6 };
}

function readProc(pid: number, file: string): Promise<string> {
  return readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
}
