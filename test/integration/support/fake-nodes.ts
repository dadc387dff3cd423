import { execFileSync } from 'node:child_process';
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
import { createCriu } from '../../../agent/criu/mod.ts';
import type { Command, Runner, RunResult } from '../../../agent/effects/runner.ts';
import { systemClock } from '../../../agent/effects/system-clock.ts';
import { createRunner } from '../../../agent/effects/system-runner.ts';
import { NO_FAULTS } from '../../../agent/faults/faults.ts';
import { openDataPort } from '../../../agent/transfer/mod.ts';
import { fakeRuntime } from './fake-runtime.ts';

const BIN = new URL('./bin/', import.meta.url).pathname;
const FEATURES = ['mem_dirty_track', 'uffd-noncoop', 'network_lock_nftables', 'clone3_set_tid'];

/** What a fake program can be told: see bin/misbehave.mjs. */
export type Word = 'fail' | 'silent' | 'garbage' | 'die' | 'hang' | 'lie' | 'wait' | 'chain';
export type Program = 'dump' | 'pre-dump' | 'page-server' | 'lazy-pages' | 'restore';

/** A node: a real agent over fake programs, with everything it has under one directory. */
export interface FakeNode {
  readonly name: string;
  readonly dir: string;
  /** Starts its agent, or starts it again after `stop`. */
  start(): Promise<void>;
  stop(): Promise<void>;
  tell(program: Program, word: Word): void;
  /** True once that program has got to where it misbehaves. */
  reached(program: Program): boolean;
  /** Pids of a container's tasks. */
  tasks(container: string): number[];
  freezer(container: string): string;
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
  const fake = join(dir, 'fake');
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
    lxcPath: join(dir, 'lxc'),
    networks: {},
    movesMax: 4,
    ...change,
  };
  const file = (container: string, entry: string) => join(dir, 'lxc', container, 'cgroup', entry);
  const read = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8').trim() : '');
  let agent: RunningAgent | undefined;

  const stop = async () => {
    await agent?.stop();
    agent = undefined;
  };
  const tasks = (container: string) => read(file(container, 'cgroup.procs')).split('\n').filter(Boolean);
  return {
    name,
    dir,
    start: async () => {
      const runner = fakeRunner(fake);
      const criu = createCriu({ runner });
      const common = { dir, node: name, runner, clock: systemClock, explain: criu.explain };
      const log = pino({ level: process.env.GODWIT_TEST_LOG ?? 'silent', base: { node: name } });
      const tools = { runner, criu, openData, runtime: fakeRuntime(common), faults: NO_FAULTS };
      agent = await startAgent(config, '0.0.0', log, tools);
    },
    stop,
    tell: (program, word) => writeFileSync(join(fake, program), word),
    reached: (program) => existsSync(join(fake, `${program}.reached`)),
    tasks: (container) => tasks(container).map(Number),
    freezer: (container) => read(file(container, 'freezer.state')),
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
      for (const pid of containers.flatMap(tasks)) process.kill(Number(pid), 'SIGKILL');
      for (const point of mountsUnder(dir)) execFileSync('umount', ['--lazy', point]);
      // A fake container's monitor may just be writing there: only the asynchronous form looks again into a directory
      // that was filled behind its back.
      await rm(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    },
  };
}

/** The real runner; criu is the fake one, and nothing reaches the network namespace of the machine. */
function fakeRunner(fake: string): Runner {
  const runner = createRunner();
  const replaced = (command: Command): Command => {
    const env = { ...command.env, GODWIT_FAKE: fake };
    if (command.file === 'nsenter') return { ...command, file: 'true', args: [] };
    if (command.file !== 'criu') return { ...command, env };
    return { ...command, file: process.execPath, args: [join(BIN, 'fake-criu.mjs'), ...command.args], env };
  };
  return {
    run: async (command) => answerOf(command) ?? (await runner.run(replaced(command))),
    start: (command) => runner.start(replaced(command)),
  };
}

/** Questions that need no process. */
function answerOf({ file, args }: Command): RunResult | undefined {
  if (file !== 'criu') return undefined;
  const result = { signal: null, stderr: '', timedOut: false, durationMs: 1 };
  if (args[0] === '--version') return { ...result, exitCode: 0, stdout: 'Version: 4.2.1\n' };
  if (args[0] === 'check')
    return { ...result, exitCode: FEATURES.includes(args[2] ?? '') ? 0 : 1, stdout: '' };
  return undefined;
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
