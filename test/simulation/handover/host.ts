import type { Timeline } from '../timeline.ts';

/**
 * A node's copy of the container. `held`: built, in the post-restore hook. `killed`: it was frozen when it got SIGKILL, and
 * dies when it is thawed. `stopped`: only its files are left.
 */
export type Copy = 'absent' | 'building' | 'held' | 'running' | 'frozen' | 'killed' | 'dead' | 'stopped';

/** What a pager has done of its work: it survives its agent. */
export interface Pager {
  missing: number;
  state: 'fetching' | 'complete' | 'lost';
  /** The agent that wants to hear of its end. */
  tell: () => void;
}

/** What is on one machine, and stays there when the agent dies. Everything but the file system is gone with the power. */
export class Host {
  readonly name: string;
  copy: Copy;
  /** Notes of moves (tmpfs), and jobs that ended (disk). */
  readonly notes = new Map<string, unknown>();
  readonly jobs = new Map<string, string>();
  /** The tmpfs takes nothing. */
  full = false;
  criu: 'dump' | 'restore' | undefined;
  hook: 'post-dump' | 'post-restore' | undefined;
  networkLocked = false;
  jobDir = false;
  pager: Pager | undefined;
  /** A copy that came by a move has run here. */
  hasRun = false;
  /** Grows with each power cut: processes of an earlier one are gone. */
  boots = 0;
  private readonly timeline: Timeline;

  constructor(timeline: Timeline, name: string, copy: Copy) {
    this.timeline = timeline;
    this.name = name;
    this.copy = copy;
  }

  get executes(): boolean {
    return this.copy === 'running';
  }

  /** A child process goes on, whether the agent lives or not. */
  process(delayMs: number, action: () => void): void {
    const { boots } = this;
    this.timeline.at(delayMs, () => {
      if (boots === this.boots) action();
    });
  }

  /** From outside, whatever the tasks do: those that are held are not let go after this. */
  freeze(): void {
    if (this.copy === 'running' || this.copy === 'held') this.copy = 'frozen';
  }

  cutPower(): void {
    this.boots += 1;
    this.copy = ['running', 'frozen', 'stopped'].includes(this.copy) ? 'stopped' : 'absent';
    this.notes.clear();
    this.full = false;
    this.criu = undefined;
    this.hook = undefined;
    this.networkLocked = false;
    this.jobDir = false;
    this.pager = undefined;
  }

  /** Traces of a move that nobody clears away any more. */
  leftovers(): string[] {
    const { criu, hook, networkLocked, jobDir, pager, notes, copy, name } = this;
    const found = [
      criu && `a criu ${criu}`,
      hook && `the hook ${hook}`,
      networkLocked && 'a network lock',
      jobDir && 'a job directory',
      pager && 'a pager',
      notes.size > 0 && 'notes of a move',
      ['building', 'held', 'frozen', 'killed'].includes(copy) && `a copy that is ${copy}`,
    ];
    return found.filter((one) => typeof one === 'string').map((one) => `${name}: ${one}`);
  }
}
