import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../e2e/support/until.ts';
import { execute } from './channel.ts';
import type { Parts } from './parts.ts';
import { type MachineWish, qemuArguments, shareSocket } from './qemu.ts';

const BOOT_MS = 120_000;
const UNATTENDED_SECONDS = 7200;
const stateRoot = process.env.GODWIT_VM_STATE ?? '/run/godwit-vm';

/** A guest that runs: how to reach and to end it. */
export interface Machine {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  readonly token: string;
}

/**
 * Boots a guest and waits until it takes commands. Rejects with its console's last lines.
 * @param attended it dies with this process; otherwise it stays, two hours at most
 */
export async function boot(parts: Parts, wish: MachineWish, attended: boolean): Promise<Machine> {
  await sweep();
  await halt(wish.name);
  const dir = stateOf(wish.name);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const token = randomBytes(16).toString('hex');
  // A disk has whole sectors.
  const seed = `TOKEN=${token}\nNAME=${wish.name}\n`.padEnd(4096, '\0');
  await writeFile(join(dir, 'seed'), seed, { mode: 0o600 });
  const port = await freePort();
  if (wish.share) await serveShare(parts, wish.share, dir, attended);
  const child = await start(
    parts,
    [parts.qemu, ...qemuArguments(parts, wish, dir, port)],
    consoleOf(wish.name),
    attended,
  );
  if (child.pid === undefined) throw new Error('qemu could not be started');
  const machine = { name: wish.name, pid: child.pid, port, token };
  await writeFile(join(dir, 'machine.json'), JSON.stringify(machine), { mode: 0o600 });
  await ready(machine, child);
  await setClock(machine);
  return machine;
}

/** The guest of that name; undefined when none was started. */
export async function find(name: string): Promise<Machine | undefined> {
  try {
    return JSON.parse(await readFile(join(stateOf(name), 'machine.json'), 'utf8'));
  } catch {
    return undefined;
  }
}

/** Ends a guest at once and removes what it had here. */
export async function halt(name: string): Promise<void> {
  const machine = await find(name);
  if (machine && (await runs(machine))) process.kill(-machine.pid, 'SIGKILL');
  await rm(stateOf(name), { recursive: true, force: true });
}

/** File with what a guest's console said. */
export function consoleOf(name: string): string {
  return join(stateOf(name), 'console.log');
}

function stateOf(name: string): string {
  return join(stateRoot, name);
}

/** Starts what serves a directory to a guest; it ends with the guest. */
async function serveShare(parts: Parts, shared: string, dir: string, attended: boolean): Promise<void> {
  const socket = shareSocket(dir);
  const options = [
    '--sandbox=none',
    '--inode-file-handles=never',
    '--socket-path',
    socket,
    '--shared-dir',
    shared,
  ];
  await start(parts, [parts.virtiofsd, ...options], join(dir, 'share.log'), attended);
  await until(`${socket} is there`, BOOT_MS, async () => existsSync(socket));
}

/** Starts a program of the unpacked tools. */
async function start(
  parts: Parts,
  argv: readonly string[],
  log: string,
  attended: boolean,
): Promise<ChildProcess> {
  const out = await open(log, 'w');
  const guard = attended
    ? ['setpriv', '--pdeathsig', 'KILL']
    : ['timeout', '--signal=KILL', String(UNATTENDED_SECONDS)];
  const [program = '', ...rest] = [...guard, parts.loader, '--library-path', parts.libraries, ...argv];
  const child = spawn(program, rest, {
    // A process group of its own: an interrupt at the terminal is for us, who then end it.
    detached: true,
    stdio: ['ignore', out.fd, out.fd],
    // There lies what the guest writes to its scratch disk, as a file without a name.
    env: { ...process.env, TMPDIR: '/var/tmp' },
  });
  child.unref();
  await out.close();
  return child;
}

async function ready(machine: Machine, child: ChildProcess): Promise<void> {
  const end = performance.now() + BOOT_MS;
  for (;;) {
    const lines = await readFile(consoleOf(machine.name), 'utf8');
    if (lines.includes('VM-READY')) return;
    if (child.exitCode !== null || child.signalCode !== null || performance.now() > end) {
      await halt(machine.name);
      throw new Error(`guest ${machine.name} did not start:\n${lines.split('\n').slice(-20).join('\n')}`);
    }
    await sleep(50);
  }
}

/** A guest starts with its clock in whole seconds; two of them would differ by more than a move allows. */
async function setClock(machine: Machine): Promise<void> {
  const { stdout, stderr } = process;
  const set = ['date', '--set', `@${Date.now() / 1000}`, '+'];
  if ((await execute(machine, set, { stdout, stderr })) !== 0)
    throw new Error(`guest ${machine.name} did not take the time`);
}

/** Removes what guests left that died with the process that attended them. */
async function sweep(): Promise<void> {
  for (const name of await readdir(stateRoot).catch(() => [])) {
    const machine = await find(name);
    if (machine && !(await runs(machine))) await halt(name);
  }
}

/** Its process number may belong to somebody else by now. */
async function runs(machine: Machine): Promise<boolean> {
  const command = await readFile(`/proc/${machine.pid}/cmdline`, 'utf8').catch(() => '');
  return command.includes('qemu-system-x86_64') && command.includes(`:${machine.port}-`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
