import { readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isToken } from '../../protocol/mod.ts';
import { sweepStaging } from '../checkpoint/trees/staging.ts';
import { keepCgroupOptions } from '../host/cgroup-options.ts';
import { findProcesses, type NamedProcess, workersOf } from '../host/named-processes.ts';
import { killTree } from '../host/process-tree.ts';
import { unmountTmpfs } from '../host/tmpfs.ts';
import { sweepTracked } from '../host/tracked-memory.ts';
import type { Agent } from '../migration/agent.ts';
import { tmpfsOf } from '../migration/job-dir.ts';
import { readNotes, SIDES, sideDir } from '../migration/journal.ts';
import { ATTACH_MARK } from '../runtime/lxc/attach.ts';
import { sweepNetworkLocks } from './sweep-locks.ts';

const CGROUP_OPTIONS = 'cgroup2-options';

/** Sweeps one after the other, beside an agent's other work, until it is stopped. */
export class Sweeper {
  private readonly agent: Agent;
  /** Containers that a criu may have left locked. */
  private readonly suspects = new Set<string>();
  private last: Promise<void> = Promise.resolve();
  private state: 'waiting' | 'begun' | 'stopped' = 'waiting';

  constructor(agent: Agent) {
    this.agent = agent;
  }

  /** At an agent's start: what an earlier one left, too. */
  begin(): void {
    this.state = 'begun';
    this.add(sweepEarlierAgent);
    for (const { record } of this.agent.containers.list()) this.suspects.add(record.name);
    this.sweep();
  }

  /** After each move, of this container if it may be here. What ends before the beginning is swept then. */
  sweep(container?: string): void {
    if (container !== undefined) this.suspects.add(container);
    if (this.state === 'waiting') return;
    this.add(sweepLeftovers);
    this.add(sweepStrays);
    this.add((agent) => sweepNetworkLocks(agent, this.suspects));
  }

  /** Resolves when no sweep is under way; none begins any more. */
  async stop(): Promise<void> {
    this.state = 'stopped';
    await this.last;
  }

  private add(chore: (agent: Agent) => Promise<void>): void {
    this.last = this.last
      .then(() => (this.state === 'stopped' ? undefined : chore(this.agent)))
      .catch((error: unknown) => this.agent.log.error({ err: error }, 'could not be swept'));
  }
}

/**
 * Removes what moves have left on this node that nobody notes any more: processes that name their job directories, tmpfs
 * mounts in them, the directories; and puts back what criu takes from the host. A move with notes is none of its business,
 * nor is anything that does not carry the path of a job directory.
 */
async function sweepLeftovers(agent: Agent): Promise<void> {
  const { config, runner, log } = agent;
  for (const job of await leftJobs(config.runDir)) {
    if (isRunning(agent, job)) continue;
    log.warn({ job }, 'sweeps what is left of a move');
    await sweepJob(agent, job);
  }
  for (const path of (await agent.checkpoints?.sweep((job) => isRunning(agent, job), agent.clock.nowMs())) ??
    [])
    log.warn({ path }, 'swept half a checkpoint');
  for (const path of await sweepStaging(agent, (job) => isRunning(agent, job)))
    log.warn({ path }, 'swept what was copied for a checkpoint');
  await sweepTracked(config.runDir);
  const options = await keepCgroupOptions(runner, join(config.runDir, CGROUP_OPTIONS));
  if (options.length > 0) log.info({ options }, 'put back mount options of cgroup2 that criu had taken away');
}

/** Of containers that are not here: what is under a name that the cluster does not know is not touched. */
async function sweepStrays({ bus, jobs, containers, arriving, runtime, log }: Agent): Promise<void> {
  const swept = await runtime.sweepStrays(async (name) => {
    if (containers.has(name) || [...arriving.values()].some((move) => move.container === name)) return false;
    return jobs.list().some((job) => job.container === name) || (await bus.records.get(name)) !== undefined;
  });
  if (swept.length > 0) log.warn({ swept }, 'swept what half-made containers left');
}

/** At the start only: commands in containers whose agent waits no more, and short-lived files of that agent. */
export async function sweepEarlierAgent({ config, log }: Pick<Agent, 'config' | 'log'>): Promise<void> {
  const { runDir } = config;
  const attaching = await findProcesses((argv) => basename(argv[0] ?? '') === 'lxc-attach');
  const attached: NamedProcess[] = [];
  for (const one of attaching) {
    const own = one.argv.some((word) => word.startsWith(`${runDir}/`));
    if (own || (await isMarked(one.pid, `${ATTACH_MARK}=${runDir}`))) attached.push(one);
  }
  for (const { pid } of attached) await killTree(pid);
  for (const entry of await readdir(runDir).catch(() => [])) {
    if (/^lxc-[a-z]+-.*\.log$/.test(entry)) await rm(join(runDir, entry), { force: true });
  }
  if (attached.length > 0)
    log.warn({ count: attached.length }, 'ended commands that an earlier agent ran in containers');
}

/** Of somebody who talks to it: its arguments are the container's alone. */
async function isMarked(pid: number, mark: string): Promise<boolean> {
  const text = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
  return text.split('\0').includes(mark);
}

/** A move that begins, begins again or ends has no notes for a moment. */
function isRunning({ jobs, arriving }: Agent, job: string): boolean {
  return arriving.has(job) || jobs.list().some((one) => one.job === job && one.state === 'running');
}

/** Jobs that a directory, a mount or a process names, and that have no notes. */
async function leftJobs(runDir: string): Promise<string[]> {
  const jobs = join(runDir, 'jobs');
  const found = new Set(await readdir(jobs).catch(() => []));
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  const processes = await workersOf(jobs);
  for (const text of [...mounts, ...processes.flatMap(({ argv }) => argv)]) {
    const [job = ''] = (text.split(`${jobs}/`)[1] ?? '').split(/[/ ]/);
    if (isToken(job)) found.add(job);
  }
  return [...found].filter((job) =>
    SIDES.every((side) => readNotes(sideDir(runDir, job, side)) === undefined),
  );
}

async function sweepJob({ config, runner, sweeping }: Agent, job: string): Promise<void> {
  const dir = join(config.runDir, 'jobs', job);
  sweeping.add(job);
  try {
    for (const { pid } of await workersOf(dir)) await killTree(pid);
    for (const side of SIDES) await unmountTmpfs(runner, tmpfsOf(sideDir(config.runDir, job, side)));
    await rm(dir, { recursive: true, force: true });
  } finally {
    sweeping.delete(job);
  }
}
