import { readFile } from 'node:fs/promises';
import { execute } from './channel.ts';
import { boot, find, halt, type Machine } from './machine.ts';
import { buildParts } from './parts.ts';
import { push } from './push.ts';

const HELP = `vm up                boot the guest with this checkout in it, and leave it running (two hours at most)
vm push              bring the checkout in the running guest up to date
vm exec -- CMD...    run in the guest, in /godwit; hands on stdin, stdout, stderr and the exit code
vm run -- CMD...     up, exec, down
vm console           what its console said
vm down
Environment: GODWIT_VM (instance, default vm), GODWIT_VM_MEMORY (MiB, default 4096), GODWIT_CACHE.
In the guest: lab and godwit are in PATH; \`lab up --nodes 2 --rate 500mbit\`, \`lab client -- godwit node ls\`.
`;

const name = process.env.GODWIT_VM ?? 'vm';

async function main(verb: string, rest: readonly string[]): Promise<number> {
  const argv = rest[0] === '--' ? rest.slice(1) : rest;
  switch (verb) {
    case 'up':
      await up();
      return 0;
    case 'push':
      await push(await running());
      return 0;
    case 'exec':
      return run(await running(), argv);
    case 'run': {
      const machine = await up();
      try {
        return await run(machine, argv);
      } finally {
        await halt(name);
      }
    }
    case 'console':
      process.stdout.write(await readFile(`/run/godwit-vm/${name}/console.log`));
      return 0;
    case 'down':
      await halt(name);
      return 0;
    default:
      process.stdout.write(HELP);
      return verb === 'help' ? 0 : 2;
  }
}

async function up(): Promise<Machine> {
  const parts = await buildParts();
  const began = performance.now();
  const memoryMib = Number(process.env.GODWIT_VM_MEMORY ?? 4096);
  const machine = await boot(parts, { name, memoryMib, lifeSeconds: 7200 });
  const booted = performance.now();
  await push(machine);
  const ms = (from: number, to: number) => `${Math.round(to - from)} ms`;
  process.stderr.write(`vm: booted in ${ms(began, booted)}, checkout in ${ms(booted, performance.now())}\n`);
  return machine;
}

async function running(): Promise<Machine> {
  const machine = await find(name);
  if (!machine) throw new Error(`guest '${name}' is not up`);
  return machine;
}

function run(machine: Machine, argv: readonly string[]): Promise<number> {
  return execute(machine, argv, { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr });
}

try {
  process.exitCode = await main(process.argv[2] ?? 'help', process.argv.slice(3));
} catch (error) {
  process.stderr.write(`vm: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 255;
}
process.exit();
