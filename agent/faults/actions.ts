import { readdir, readFile, statfs } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Runner } from '../effects/runner.ts';
import { hasCode } from '../host/failure.ts';
import type { Fault } from './parse.ts';

const DEADLINE_MS = 10_000;
const PAGE_BYTES = 4096;

/** What faults are made with. */
export interface FaultTools {
  readonly runner: Runner;
  readonly runDir: string;
  readonly dataPort: number;
  readonly busPorts: readonly number[];
}

/** Does one fault to one move; resolves when the move may go on. */
export async function strike({ action, seconds }: Fault, job: string, tools: FaultTools): Promise<void> {
  const { runner, runDir, dataPort, busPorts } = tools;
  const jobDir = `${join(runDir, 'jobs', job)}/`;
  switch (action) {
    case 'kill-agent':
      process.kill(process.pid, 'SIGKILL');
      // The signal is on its way; nothing more may happen before it arrives.
      return new Promise(() => {});
    case 'kill-criu':
      return killCriu(jobDir);
    case 'hang':
      process.kill(process.pid, 'SIGSTOP');
      return;
    case 'drop-link':
      return reset(runner, `sport = :${dataPort} or dport = :${dataPort}`);
    case 'lose-bus':
      return loseBus(runner, busPorts, seconds);
    case 'enospc':
      return fill(runner, jobDir);
  }
}

/** Of criu's processes those that have a file or directory of the job among their arguments. */
async function killCriu(jobDir: string): Promise<void> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) {
    const [program = '', ...args] = (await readText(`/proc/${pid}/cmdline`)).split('\0');
    if (basename(program) !== 'criu' || !args.some((arg) => arg.includes(jobDir))) continue;
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch (error) {
      if (!hasCode(error, 'ESRCH')) throw error;
    }
  }
}

/** Both ends of each connection see a reset. */
async function reset(runner: Runner, filter: string): Promise<void> {
  const args = ['--kill', '--tcp', 'state', 'established', `( ${filter} )`];
  await runner.run({ file: 'ss', args, deadlineMs: DEADLINE_MS });
}

/** In a process of its own, so that the bus comes back although the agent may die meanwhile. */
async function loseBus(runner: Runner, ports: readonly number[], seconds: number): Promise<void> {
  const table = `godwit_fault_${process.pid}`;
  const rules = [
    `table inet ${table} { chain output { type filter hook output priority 0; policy accept; }; }`,
    `add rule inet ${table} output tcp dport { ${ports.join(', ')} } reject with tcp reset`,
  ];
  const made = await runner.run({
    file: 'nft',
    args: ['-f', '-'],
    input: `${rules.join('\n')}\n`,
    deadlineMs: DEADLINE_MS,
  });
  if (made.exitCode !== 0) throw new Error(`nft: ${made.stderr}`);
  runner.start({
    file: 'sh',
    args: ['-c', 'sleep "$1"; exec nft delete table inet "$2"', 'sh', String(seconds), table],
    deadlineMs: seconds * 1_000 + DEADLINE_MS,
    detached: true,
    silent: true,
  });
  await reset(runner, ports.map((port) => `dport = :${port}`).join(' or '));
}

/** The limit becomes what is in use: nothing has to be written, and the memory is not really taken. */
async function fill(runner: Runner, jobDir: string): Promise<void> {
  const mounts = (await readText('/proc/self/mounts')).split('\n').map((line) => line.split(' ')[1] ?? '');
  for (const mount of mounts.filter((path) => path.startsWith(jobDir))) {
    const { blocks, bfree, bsize } = await statfs(mount);
    // 0 would mean no limit at all.
    const size = Math.max((blocks - bfree) * bsize, PAGE_BYTES);
    await runner.run({
      file: 'mount',
      args: ['-o', `remount,size=${size}`, mount],
      deadlineMs: DEADLINE_MS,
    });
  }
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH')) return '';
    throw error;
  }
}
