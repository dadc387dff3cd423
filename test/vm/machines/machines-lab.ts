import { spawn } from 'node:child_process';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { checkout, compiled } from '../../e2e/support/checkout.ts';
import type { Lab, LabResult } from '../../e2e/support/lab.ts';
import { capture } from '../capture.ts';
import { find } from '../machine.ts';

const LAB_SECONDS = 300;

/**
 * A lab with each node in a guest of its own: n1 in the first, n2 in the second; its client is at the first.
 * @param shared directory of this machine that both guests have as their share: what nodes see as /srv/godwit
 */
export function createMachinesLab(guests: readonly [string, string], shared: string): Lab {
  const guestOf = (node: string | undefined) => (node === 'n2' ? guests[1] : guests[0]);
  /** Runs in both, for the number of the node there; gives the first failure, if there is one. */
  const both = async (argvOf: (number: 1 | 2) => readonly string[]): Promise<LabResult> => {
    const [one, two] = await Promise.all([runIn(guests[0], argvOf(1)), runIn(guests[1], argvOf(2))]);
    return one.exitCode === 0 ? two : one;
  };
  const up = async (args: readonly string[]): Promise<LabResult> => {
    const started = await both((number) => ['lab', ...args, '--only', String(number), '--uplink', 'eth1']);
    if (started.exitCode !== 0) return started;
    const mount = ['mount', '-t', 'virtiofs', 'share', '/srv/godwit'];
    return both((number) => ['lab', 'exec', `n${number}`, '--', ...mount]);
  };
  const run: Lab['run'] = async (args, options) => {
    const [verb, word = '', name = ''] = args;
    if (verb === 'up') return up(args);
    if (verb === 'down') return both(() => ['lab', ...args]);
    if (verb === 'rootfs') return makeRootfs(word, join(shared, name));
    return runIn(guestOf(nodeOf(args)), ['lab', ...args], options?.input);
  };
  return {
    instance: 'lab',
    run,
    async sh(node, text) {
      const { exitCode, stdout, stderr } = await run(['exec', node, '--', 'sh', '-euc', text]);
      if (exitCode !== 0) throw new Error(`${node}: exit ${exitCode}: ${text}\n${stderr}\n${stdout}`);
      return stdout.trim();
    },
    share: (file, to) => copyFile(join(checkout, file), join(shared, to)),
    start: (args, options) =>
      spawn(process.execPath, [compiled('test/vm/main.ts'), 'exec', '--', 'lab', ...args], {
        env: { ...process.env, GODWIT_VM: guestOf(nodeOf(args)) },
        stdio: [options?.stdin ?? 'ignore', 'pipe', 'ignore'],
      }),
  };
}

/** The node that a verb is for; the client's is n1. */
function nodeOf([verb, node]: readonly string[]): string | undefined {
  return verb === 'exec' ? node : 'n1';
}

/** A container's root file system, made here, where both guests see it. */
async function makeRootfs(kind: string, dir: string): Promise<LabResult> {
  const lab = join(checkout, 'deploy/lab');
  const { stdout: image } = await execa(join(lab, 'lab'), ['image']);
  await execa(join(lab, 'rootfs'), [kind, dir, image]);
  return { exitCode: 0, stdout: '', stderr: '' };
}

async function runIn(guest: string, argv: readonly string[], input?: string): Promise<LabResult> {
  const machine = await find(guest);
  if (!machine) throw new Error(`guest '${guest}' is not up`);
  return capture(machine, argv, { input, seconds: LAB_SECONDS });
}
