import { type ChildProcess, spawn } from 'node:child_process';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { checkout } from './checkout.ts';

const script = join(checkout, 'deploy/lab/lab');

/** Where labs keep their state. */
export const labState = process.env.GODWIT_LAB_STATE ?? '/run/godwit-lab';

/** Where labs keep their nodes' disks. */
export const labDisk = process.env.GODWIT_LAB_DISK ?? '/var/lib/godwit-lab';

/** Whether the lab cannot be run: it makes namespaces and mounts. */
export const needsRoot = process.getuid?.() !== 0;

/** Start of instance names that belong to this test process alone. */
export const ownName = `t${process.pid.toString(36)}`;

/** Long enough for nodes in an emulated machine on a busy one. */
const LAB_MS = 300_000;

/** How a lab command ended. */
export interface LabResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One lab instance as tests drive it. */
export interface Lab {
  readonly instance: string;
  /** Runs a lab verb to its end; never rejects for an exit code. Five minutes at most. */
  run(args: readonly string[], options?: { readonly input?: string }): Promise<LabResult>;
  /** Runs a shell script inside a node; rejects unless it exits 0. Resolves with its trimmed stdout. */
  sh(node: string, script: string): Promise<string>;
  /** Copies a file of the checkout to where all nodes see it below /srv/godwit. */
  share(file: string, to: string): Promise<void>;
  /** Starts a lab verb and leaves it running; its stdout is a pipe, its stdin when asked for. */
  start(args: readonly string[], options?: { readonly stdin: 'pipe' }): ChildProcess;
}

/** A lab with a name of its own, so that tests run beside each other and beside a developer's lab. */
export function createLab(instance: string): Lab {
  const env = { ...process.env, GODWIT_LAB: instance };
  const run: Lab['run'] = async (args, options = {}) => {
    const result = await execa(script, [...args], {
      env,
      reject: false,
      timeout: LAB_MS,
      ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    });
    if (result.exitCode === undefined) throw new Error(`lab ${args.join(' ')}: ${result.shortMessage}`);
    return { exitCode: result.exitCode, stdout: result.stdout, stderr: result.stderr };
  };
  return {
    instance,
    run,
    async sh(node, text) {
      const result = await run(['exec', node, '--', 'sh', '-euc', text]);
      if (result.exitCode !== 0)
        throw new Error(`${node}: exit ${result.exitCode}: ${text}\n${result.stderr}\n${result.stdout}`);
      return result.stdout.trim();
    },
    share: (file, to) => copyFile(join(checkout, file), join(labDisk, instance, 'shared', to)),
    start(args, options) {
      const child = spawn(script, [...args], { env, stdio: [options?.stdin ?? 'ignore', 'pipe', 'pipe'] });
      // Whoever wants to hear it listens; nobody has to, and the child never waits for that.
      child.stderr?.resume();
      return child;
    },
  };
}
