import { readFile } from 'node:fs/promises';
import { execute } from './channel.ts';
import { boot, consoleOf, find, halt, type Machine } from './machine.ts';
import { buildParts } from './parts.ts';
import { push } from './push.ts';
import { runSystemTests } from './system.ts';
import { runTests } from './tests.ts';

const HELP = `vm up                boot the guest with this checkout in it, and leave it running (two hours at most)
vm push              bring the checkout in the running guest up to date
vm exec -- CMD...    run in the guest, in /godwit; hands on stdin, stdout, stderr and the exit code
vm console           what its console said
vm down
vm test REPORT [FILTER...]
                     boot a guest of its own, run the vitest project vm in it, write its JSON report
vm system REPORT [MOVES]
                     the same with the test of system containers, on cgroup v2 alone
Environment: GODWIT_VM (instance, default vm), GODWIT_VM_MEMORY (MiB, default 4096), GODWIT_CACHE.
In the guest: lab and godwit are in PATH; \`lab up --nodes 2 --rate 500mbit\`, \`lab client -- godwit node ls\`.
`;

const name = process.env.GODWIT_VM ?? 'vm';
const memoryMib = Number(process.env.GODWIT_VM_MEMORY ?? 4096);

async function main(verb: string, rest: readonly string[]): Promise<number> {
  const argv = rest[0] === '--' ? rest.slice(1) : rest;
  switch (verb) {
    case 'up':
      await start(name, false);
      return 0;
    case 'push':
      await push(await running());
      return 0;
    case 'exec':
      return execute(await running(), argv, process);
    case 'console':
      process.stdout.write(await readFile(consoleOf(name)));
      return 0;
    case 'down':
      await halt(name);
      return 0;
    case 'test':
      return attended((machine) =>
        runTests(machine, rest[0] ?? 'dist/test-results/vm.json', {
          project: 'vm',
          arguments: rest.slice(1),
        }),
      );
    case 'system':
      return attended((machine) =>
        runSystemTests(machine, rest[0] ?? 'dist/test-results/vm-system.json', Number(rest[1] ?? 2)),
      );
    default:
      process.stdout.write(HELP);
      return verb === 'help' ? 0 : 2;
  }
}

/** In a guest of its own, which goes when the tests end. */
async function attended(tests: (machine: Machine) => Promise<number>): Promise<number> {
  const own = `test-${process.pid}`;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => halt(own).finally(() => process.exit(130)));
  try {
    return await tests(await start(own, true));
  } finally {
    await halt(own);
  }
}

async function start(instance: string, attended: boolean): Promise<Machine> {
  const parts = await buildParts();
  const began = performance.now();
  const machine = await boot(parts, { name: instance, memoryMib }, attended);
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

try {
  process.exitCode = await main(process.argv[2] ?? 'help', process.argv.slice(3));
} catch (error) {
  process.stderr.write(`vm: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 255;
}
process.exit();
