import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { isToken, Job, LIMITS } from '../../protocol/mod.ts';

/** The jobs of one node on its disk, one file each: their story is there after the agent, or the machine, has died. */
export class JobStore {
  private readonly dir: string;
  private readonly log: Logger;
  /** What is to be written next, by job: of several changes in a row only the last one counts. */
  private readonly waiting = new Map<string, Job>();
  private readonly writing = new Map<string, Promise<void>>();

  constructor(dir: string, log: Logger) {
    this.dir = dir;
    this.log = log;
  }

  /** Writes in the background; a job that cannot be written is only told of. */
  keep(job: Job): void {
    this.waiting.set(job.job, job);
    if (this.writing.has(job.job)) return;
    const written = this.writeAll(job.job)
      .catch((error: unknown) => this.log.error({ job: job.job, err: error }, 'a job could not be kept'))
      .finally(() => this.writing.delete(job.job));
    this.writing.set(job.job, written);
  }

  /** Resolves when everything is written. */
  async settled(): Promise<void> {
    await Promise.all(this.writing.values());
  }

  async forget(job: string): Promise<void> {
    await this.writing.get(job);
    await rm(this.file(job), { force: true });
  }

  /** The newest jobs, oldest first; forgets those beyond `LIMITS.jobsKept` and what cannot be read. */
  async load(): Promise<Job[]> {
    await mkdir(this.dir, { recursive: true, mode: 0o700 });
    const found: Job[] = [];
    for (const entry of await readdir(this.dir)) {
      const job = await this.read(entry);
      if (job) found.push(job);
      else await rm(join(this.dir, entry), { recursive: true, force: true });
    }
    found.sort((a, b) => a.startedAtMs - b.startedAtMs);
    for (const old of found.splice(0, Math.max(0, found.length - LIMITS.jobsKept)))
      await this.forget(old.job);
    return found;
  }

  private async writeAll(id: string): Promise<void> {
    for (let job = this.waiting.get(id); job; job = this.waiting.get(id)) {
      this.waiting.delete(id);
      await mkdir(this.dir, { recursive: true, mode: 0o700 });
      await writeFile(`${this.file(id)}.new`, JSON.stringify(job), { mode: 0o600 });
      await rename(`${this.file(id)}.new`, this.file(id));
    }
  }

  private async read(entry: string): Promise<Job | undefined> {
    if (!entry.endsWith('.json') || !isToken(entry.slice(0, -'.json'.length))) return undefined;
    try {
      return Job.parse(JSON.parse(await readFile(join(this.dir, entry), 'utf8')));
    } catch (error) {
      this.log.warn({ entry, err: error }, 'a kept job cannot be read');
      return undefined;
    }
  }

  private file(job: string): string {
    return join(this.dir, `${job}.json`);
  }
}
