import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { GodwitError } from '../../protocol/mod.ts';
import { makeFifos, readLines } from '../criu/fifo.ts';
import { type Criu, createCriu } from '../criu/mod.ts';
import type { Runner } from '../effects/runner.ts';
import { type Check, type Finding, failed, ok, skipped } from './check.ts';
import { openRoom, type Room } from './room.ts';

export interface TrialOptions {
  readonly runner: Runner;
  readonly criu: Criu;
  readonly binary?: string;
  /** The agent's run directory on tmpfs; the trial makes a directory of its own there and removes it. */
  readonly runDir: string;
}

const TRIAL_MS = 30_000;
/** Every room has a network of its own, so that no port is taken there. */
const PORT = 7433;

/**
 * Dumps and restores two small processes with a TCP connection between them and asks afterwards, through that connection,
 * whether memory and counter are right. Each restore happens in fresh namespaces, as on another node.
 */
export function trialChecks(options: TrialOptions): Check[] {
  return [
    { name: 'cold-trial', deadlineMs: TRIAL_MS, look: (signal) => tryOut(options, coldMove, signal) },
    {
      name: 'post-copy-trial',
      deadlineMs: TRIAL_MS,
      look: async (signal) => {
        const { features } = await options.criu.capabilities();
        if (!features['uffd-noncoop']) return skipped('the kernel cannot do post-copy');
        return tryOut(options, lazyMove, signal);
      },
    },
  ];
}

/** What one trial works with. */
interface Trial extends TrialOptions {
  readonly images: string;
  readonly source: Room;
  readonly target: Room;
  /** criu inside the source room. */
  readonly sourceCriu: Criu;
  readonly log: (name: string) => string;
}

type Move = (trial: Trial) => Promise<void>;

async function tryOut(options: TrialOptions, move: Move, signal: AbortSignal): Promise<Finding> {
  const { runner, criu, runDir } = options;
  const { criu: version, features } = await criu.capabilities();
  if (!version) return skipped('needs a working criu');
  if (process.getuid?.() !== 0) return skipped('needs root');
  if ((await runner.run({ file: 'perl', args: ['-e', '1'], deadlineMs: TRIAL_MS })).exitCode !== 0) {
    return skipped('needs perl as the process to move', 'Install the package perl-base.');
  }

  await mkdir(runDir, { recursive: true });
  const dir = await mkdtemp(join(runDir, 'doctor-'));
  const undo: (() => Promise<void>)[] = [() => rm(dir, { recursive: true, force: true })];
  const clean = async () => {
    for (let last = undo.pop(); last; last = undo.pop()) await last();
  };
  // A trial that is late is ended by taking its rooms away: everything in them dies and the steps below fail.
  signal.addEventListener('abort', () => void clean(), { once: true });
  try {
    const [report, images] = [join(dir, 'report'), join(dir, 'images')];
    await Promise.all([makeFifos(runner, dir, ['report']), mkdir(images)]);
    const verdicts = new Verdicts(report);
    undo.push(() => verdicts.close());
    const enter = async (mode: 'tree' | 'empty') => {
      const room = await openRoom({ runner, mode, report, deadlineMs: TRIAL_MS });
      undo.push(() => room.close());
      return room;
    };
    const [source, target] = await Promise.all([enter('tree'), enter('empty')]);
    const sourceCriu = createCriu({
      runner: source.runner,
      networkLock: features.network_lock_nftables ? 'nftables' : 'iptables',
      ...(options.binary === undefined ? {} : { binary: options.binary }),
    });
    const log = (name: string) => join(dir, `${name}.log`);

    await verdicts.ask(source, source.tree, 'before the dump');
    await move({ ...options, images, source, target, sourceCriu, log });
    await verdicts.ask(target, source.tree, 'after the restore');
    return ok(`two processes with an open TCP connection were moved by CRIU ${version}`);
  } catch (error) {
    return explained(error);
  } finally {
    await clean();
  }
}

/** Everything is dumped, the source is gone, then restored. */
async function coldMove(trial: Trial): Promise<void> {
  const { source, sourceCriu, images, log } = trial;
  const plan = { initPid: source.tree, args: treeArguments(source) };
  await sourceCriu.dump({
    plan,
    transport: { kind: 'local' },
    imageDir: images,
    logFile: log('dump'),
    deadlineMs: TRIAL_MS,
  }).ready;
  await restore(trial, []);
}

/** The restored processes run first, their memory follows from the frozen ones. */
async function lazyMove(trial: Trial): Promise<void> {
  const { source, sourceCriu, images, log } = trial;
  const server = { address: '127.0.0.1', port: PORT };
  const dump = sourceCriu.dump({
    plan: { initPid: source.tree, args: treeArguments(source) },
    transport: { kind: 'lazy', ...server },
    imageDir: images,
    logFile: log('dump'),
    deadlineMs: TRIAL_MS,
  });
  await dump.ready;
  const pages = sourceCriu.lazyPages({
    ...server,
    imageDir: images,
    logFile: log('lazy-pages'),
    deadlineMs: TRIAL_MS,
  });
  await pages.ready;
  await restore(trial, ['--lazy-pages']);
  for (const [process, name] of [
    [pages, 'lazy-pages'],
    [dump, 'dump'],
  ] as const) {
    if ((await process.ended).exitCode !== 0) await broken(trial, name);
  }
}

function treeArguments(source: Room): string[] {
  return ['-t', String(source.tree), '--tcp-established'];
}

async function restore(trial: Trial, args: readonly string[]): Promise<void> {
  const { target, binary = 'criu', images, log } = trial;
  const restored = await target.runner.run({
    file: binary,
    args: ['restore', '-D', images, '-o', log('restore'), '-v2', '-d', '--tcp-established', ...args],
    deadlineMs: TRIAL_MS,
    detached: true,
    silent: true,
  });
  if (restored.exitCode !== 0) await broken(trial, 'restore');
}

async function broken({ criu, log }: Trial, action: string): Promise<never> {
  const { lines, cure } = await criu.explain(log(action));
  throw new GodwitError('RESTORE_FAILED', {
    problem: `criu ${action}: ${lines[0] ?? 'no error in its log'}`,
    cure,
  });
}

function explained(error: unknown): Finding {
  const details = error instanceof GodwitError ? error.details : {};
  const problem = typeof details.problem === 'string' ? details.problem : String((error as Error).message);
  const cure = typeof details.cure === 'string' ? details.cure : '';
  return failed(
    problem,
    cure || 'No container can be moved here until this works; see criu(8) and the line above.',
  );
}

/** What the helper's client says about its connection and both memories. */
class Verdicts {
  private readonly lines: { close(): Promise<void> };
  private heard: (verdict: string) => void = () => {};

  constructor(report: string) {
    this.lines = readLines(report, (line) => this.heard(line));
  }

  /** @throws Error when the answer is not right */
  async ask(room: Room, pid: number, when: string): Promise<void> {
    const answer = new Promise<string>((resolve) => {
      this.heard = resolve;
    });
    const sent = await room.runner.run({
      file: 'sh',
      args: ['-c', `kill -USR1 ${pid}`],
      deadlineMs: TRIAL_MS,
    });
    if (sent.exitCode !== 0) throw new Error(`the processes are not there ${when}`);
    const verdict = await answer;
    if (verdict !== 'right') throw new Error(`${when}, ${verdict}`);
  }

  close(): Promise<void> {
    return this.lines.close();
  }
}
