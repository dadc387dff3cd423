import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { type RunningAgent, startAgent } from '../../../agent/agent.ts';
import type { AgentConfig } from '../../../agent/config/config.ts';
import { NO_FAULTS } from '../../../agent/faults/faults.ts';
import { openDataPort } from '../../../agent/transfer/mod.ts';
import { compiled } from '../../e2e/support/checkout.ts';
import { fakeWords } from './fake-runtime.ts';
import { fakeTools } from './fake-tools.ts';

/** What a fake program can be told: see bin/misbehave.mjs. */
export type Word = 'fail' | 'silent' | 'garbage' | 'die' | 'hang' | 'lie' | 'wait' | 'chain' | 'moment';
export type Program =
  | 'dump'
  | 'pre-dump'
  | 'page-server'
  | 'lazy-pages'
  | 'restore'
  | 'resume'
  | 'zstd'
  | 'rm'
  | 'umount'
  /** No program: any word means that the node lacks what its containers need. */
  | 'host'
  /** No program either: the node's kernel has none of the limits that come along. */
  | 'limits';

/** A node: a real agent over fake programs, with everything it has under one directory. */
export interface FakeNode {
  readonly name: string;
  readonly dir: string;
  /** Starts its agent, or starts it again after `stop`. */
  start(): Promise<void>;
  /** The same as a process of its own, which can be killed, or dies of a fault (agent/faults). Needs `npm run build`. */
  startApart(fault?: string): Promise<void>;
  stop(): Promise<void>;
  /** SIGKILL for the agent of a process of its own. */
  kill(): Promise<void>;
  /** The agent of a process of its own hears nothing, until it is let go. */
  hold(): void;
  letGo(): void;
  /** Resolves when that process is dead. */
  dead(): Promise<void>;
  tell(program: Program, word: Word): void;
  /** True once that program has got to where it misbehaves. */
  reached(program: Program): boolean;
  /** Pids of a container's tasks. */
  tasks(container: string): number[];
  freezer(container: string): string;
  /** Microseconds of CPU time in each tenth of a second; -1: no limit. */
  cpuQuota(container: string): number;
  /** Directories, mounts and processes of a move that are still there. */
  leftovers(job: string): string[];
  /** Forgets all words. */
  behave(): void;
  remove(): Promise<void>;
}

/** A node of cluster `test` on the bus at `url`; its agent is not started yet. */
export function fakeNode(
  name: string,
  url: string,
  change: Partial<AgentConfig> = {},
  openData = openDataPort,
): FakeNode {
  const dir = mkdtempSync(join(tmpdir(), `godwit-${name}-`));
  const fake = fakeWords(dir);
  const runDir = join(dir, 'run');
  mkdirSync(fake);
  const config: AgentConfig = {
    node: name,
    cluster: 'test',
    address: '127.0.0.1',
    stateDir: join(dir, 'state'),
    runDir,
    logLevel: 'error',
    bus: { embedded: false, join: [], clientPort: 1, clusterPort: 1, leafPort: 1, url },
    dataPort: 0,
    dataEncrypt: false,
    keepFrames: true,
    lxcPath: join(dir, 'lxc'),
    networks: {},
    movesOutMax: 4,
    movesInMax: 4,
    labels: {},
    evacuateWhenFailing: false,
    balance: {
      automatic: false,
      threshold: 0.15,
      minGain: 0.05,
      periodMs: 30_000,
      stayMs: 600_000,
      sample: 8,
    },
    ioBytesPerSecond: 200_000_000,
    networkBytesPerSecond: 117_000_000,
    webhooks: [],
    checkpoints: { compression: 'auto', chain: 8 },
    ...change,
  };
  const file = (container: string, entry: string) => join(dir, 'lxc', container, 'cgroup', entry);
  const read = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8').trim() : '');
  let agent: RunningAgent | undefined;
  let apart: { readonly child: ChildProcess; readonly dead: Promise<void> } | undefined;

  const stop = async () => {
    await agent?.stop();
    agent = undefined;
    apart?.child.kill('SIGTERM');
    await apart?.dead;
    apart = undefined;
  };
  const tasks = (container: string) => read(file(container, 'cgroup.procs')).split('\n').filter(Boolean);
  return {
    name,
    dir,
    start: async () => {
      const log = pino({ level: process.env.GODWIT_TEST_LOG ?? 'silent', base: { node: name } });
      agent = await startAgent(config, '0.0.0', log, fakeTools(config, dir, NO_FAULTS, openData));
    },
    startApart: async (fault) => {
      const env = { ...process.env, ...(fault === undefined ? {} : { GODWIT_FAULT: fault }) };
      const program = compiled('test/integration/support/agent-apart.ts');
      const child = spawn(process.execPath, [program, dir, JSON.stringify(config)], {
        env,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      apart = { child, dead: once(child, 'exit').then(() => {}) };
      await Promise.race([once(child.stdout, 'data'), apart.dead]);
      if (child.exitCode !== null) throw new Error(`the agent of ${name} did not start`);
    },
    kill: async () => {
      apart?.child.kill('SIGKILL');
      await apart?.dead;
    },
    hold: () => void apart?.child.kill('SIGSTOP'),
    letGo: () => void apart?.child.kill('SIGCONT'),
    dead: async () => {
      await apart?.dead;
    },
    stop,
    tell: (program, word) => writeFileSync(join(fake, program), word),
    reached: (program) => existsSync(join(fake, `${program}.reached`)),
    tasks: (container) => tasks(container).map(Number),
    freezer: (container) => read(file(container, 'freezer.state')),
    cpuQuota: (container) => Number(read(file(container, 'cpu.cfs_quota_us'))),
    leftovers: (job) => {
      const path = join(runDir, 'jobs', job);
      return [...(existsSync(path) ? [path] : []), ...mountsUnder(path), ...processesOf(path)];
    },
    behave: () => {
      for (const entry of readdirSync(fake)) rmSync(join(fake, entry));
    },
    remove: async () => {
      await stop();
      const containers = existsSync(config.lxcPath) ? readdirSync(config.lxcPath) : [];
      for (const pid of containers.flatMap(tasks)) kill(Number(pid));
      for (const point of mountsUnder(dir)) unmount(point);
      // A fake container's monitor may just be writing there: only the asynchronous form looks again into a directory
      // that was filled behind its back.
      await rm(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}

/** It may just have ended by itself. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** What the agent was doing when it was stopped goes on in this process, and may just have unmounted it. */
function unmount(point: string): void {
  try {
    execFileSync('umount', ['--lazy', point], { stdio: 'ignore' });
  } catch (error) {
    if (mountsUnder(point).includes(point)) throw error;
  }
}

function mountsUnder(dir: string): string[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  return lines.map((line) => line.split(' ')[4] ?? '').filter((point) => point.startsWith(dir));
}

function processesOf(path: string): string[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map((pid) => commandOf(pid))
    .filter((command) => command.includes(path));
}

/** Empty for a process that has just ended. */
function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
