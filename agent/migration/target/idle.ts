import { readFile } from 'node:fs/promises';
import { cgroupPids } from '../../host/cgroup-tree.ts';
import { freezerDir } from '../../host/freeze.ts';
import type { Agent } from '../agent.ts';

/** Long enough for what a move left to do: timers that are due, connections that go on. */
const SETTLE_MS = 2_000;
const WATCH_MS = 3_000;
/** Share of one processor. What should only wait for events is far below it, what spins is not. */
const SPINNING = 0.7;
const TICKS_PER_SECOND = 100;
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
    if (!MANAGER.test((await statOf(initPid))?.name ?? '')) return;
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
  const look = () => Promise.all(pids.map(statOf));
  const [before, beganMs] = [await look(), clock.monotonicMs()];
  await clock.sleep(WATCH_MS);
  const [after, tookMs] = [await look(), clock.monotonicMs() - beganMs];
  return after.flatMap((now, index) => {
    const then = before[index];
    if (!now || !then || !MANAGER.test(now.name)) return [];
    const share = ((now.ticks - then.ticks) / TICKS_PER_SECOND) * (1_000 / tookMs);
    return share < SPINNING ? [] : [`${now.name} (pid ${pids[index]}) at ${Math.round(share * 100)} %`];
  });
}

/** Name and CPU time; undefined when it has ended. */
async function statOf(pid: number): Promise<{ readonly name: string; readonly ticks: number } | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const [, name, rest] = /^\d+ \((.*)\) (.*)$/s.exec(text) ?? [];
  if (name === undefined || rest === undefined) return undefined;
  // utime and stime, fields 14 and 15 of proc(5); the state is field 3.
  const [utime, stime] = rest.split(' ').slice(11, 13).map(Number);
  return { name, ticks: (utime ?? 0) + (stime ?? 0) };
}
