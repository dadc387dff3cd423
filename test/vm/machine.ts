import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Parts } from './parts.ts';

const BOOT_MS = 60_000;
const STATE_ROOT = process.env.GODWIT_VM_STATE ?? '/run/godwit-vm';

/** A guest that runs: how to reach and to end it. */
export interface Machine {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  readonly token: string;
}

/** What a guest is made with. */
export interface MachineWish {
  readonly name: string;
  readonly memoryMib: number;
  /** It ends after that at the latest, whatever happens here. */
  readonly lifeSeconds: number;
  /** A cable to another guest: end of a unix socket, own address with prefix. */
  readonly link?: { readonly socket: string; readonly listens: boolean; readonly address: string };
}

const stateOf = (name: string) => join(STATE_ROOT, name);

/** Boots a guest and waits until it takes commands. Rejects with its console's last lines. */
export async function boot(parts: Parts, wish: MachineWish): Promise<Machine> {
  await halt(wish.name);
  const dir = stateOf(wish.name);
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const token = randomBytes(16).toString('hex');
  const seed = `TOKEN=${token}\nNAME=${wish.name}\n${wish.link ? `LINK=${wish.link.address}\n` : ''}`;
  await writeFile(join(dir, 'seed'), seed.padEnd(4096, '\0'), { mode: 0o600 });
  const port = await freePort();
  const console = join(dir, 'console.log');
  const out = await open(console, 'w');
  const program = [parts.loader, '--library-path', parts.libraries, parts.qemu];
  const args = [...program, ...qemuArguments(parts, wish, dir, port)];
  const child = spawn('timeout', ['--signal=KILL', String(wish.lifeSeconds), ...args], {
    detached: true,
    stdio: ['ignore', out.fd, out.fd],
    env: { ...process.env, TMPDIR: dir },
  });
  child.unref();
  await out.close();
  if (child.pid === undefined) throw new Error('qemu could not be started');
  const machine = { name: wish.name, pid: child.pid, port, token };
  await writeFile(join(dir, 'machine.json'), JSON.stringify(machine), { mode: 0o600 });
  const end = performance.now() + BOOT_MS;
  for (;;) {
    const lines = await readFile(console, 'utf8');
    if (lines.includes('VM-READY')) return machine;
    if (child.exitCode !== null || child.signalCode !== null || performance.now() > end) {
      await halt(wish.name);
      throw new Error(`guest ${wish.name} did not start:\n${lines.split('\n').slice(-20).join('\n')}`);
    }
    await sleep(50);
  }
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
  if (machine && (await isOurs(machine.pid))) process.kill(-machine.pid, 'SIGKILL');
  await rm(stateOf(name), { recursive: true, force: true });
}

/** Its number may belong to somebody else by now. */
async function isOurs(pid: number): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return command.includes('qemu-system-x86_64');
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

function qemuArguments(parts: Parts, wish: MachineWish, dir: string, port: number): string[] {
  const disk = (id: string, file: string, how: string) => [
    '-drive',
    `file=${file},if=none,id=${id},format=raw,${how}`,
    '-device',
    `virtio-blk-pci,drive=${id}`,
  ];
  const card = (id: string, backend: string, mac: string) => [
    '-netdev',
    `${backend},id=${id}`,
    '-device',
    `virtio-net-pci,netdev=${id},mac=${mac},romfile=`,
  ];
  const { link } = wish;
  return [
    ...['-L', parts.firmware, '-accel', 'tcg,thread=multi,tb-size=512', '-M', 'q35'],
    ...['-cpu', 'max,-erms,-fsrm,-avx2,-pku', '-smp', '2', '-m', `${wish.memoryMib}M`],
    ...['-nographic', '-nodefaults', '-no-reboot', '-serial', 'stdio', '-kernel', parts.kernel],
    ...['-initrd', parts.initrd],
    '-append',
    'console=ttyS0 quiet panic=-1 oops=panic mitigations=off nokaslr random.trust_cpu=on',
    ...disk('root', parts.root, 'readonly=on'),
    ...disk('modules', parts.modules, 'readonly=on'),
    ...disk('scratch', parts.scratch, 'snapshot=on,cache=unsafe'),
    ...disk('seed', join(dir, 'seed'), 'readonly=on'),
    ...card('n0', `user,restrict=on,hostfwd=tcp:127.0.0.1:${port}-10.0.2.15:7`, '52:54:00:00:00:01'),
    ...(link
      ? card(
          'n1',
          `stream,server=${link.listens ? 'on' : 'off'},addr.type=unix,addr.path=${link.socket}`,
          link.listens ? '52:54:00:00:01:01' : '52:54:00:00:01:02',
        )
      : []),
  ];
}
