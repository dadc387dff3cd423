import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { execa } from 'execa';
import { checkout } from '../e2e/support/checkout.ts';
import { capture } from './capture.ts';
import { execute } from './channel.ts';
import type { Machine } from './machine.ts';
import { runTests } from './tests.ts';

const BUILD_MS = 900_000;
const READY_SECONDS = 60;
/** Everything takes five to ten times as long there, and longer on a busy machine. */
const PATIENCE_MS = '900000';
/** Its connections, used as often as elsewhere, would be half of the guest's work. */
const EVERY_MS = '1000';

/**
 * Runs the e2e tests of system containers in a guest: systemd on cgroup v2 alone. Its image has neither Debian with systemd nor an ssh
 * client, so the root of system containers is copied there, which has both. Resolves with vitest's exit code.
 * @param moves how often the container moves
 * @throws Error when the guest is gone, or lets nothing be copied
 */
export async function runSystemTests(machine: Machine, report: string, moves: number): Promise<number> {
  const { stdout: root } = await execa(join(checkout, 'deploy/lab/lab'), ['system-root'], {
    timeout: BUILD_MS,
    stderr: 'inherit',
  });
  await copy(machine, root);
  const { exitCode, stderr } = await capture(machine, ['sh', '-euc', borrowSsh(root)], {
    seconds: READY_SECONDS,
  });
  if (exitCode !== 0) throw new Error(`the guest has no ssh: ${stderr}`);
  const patience = ['--testTimeout', PATIENCE_MS, '--hookTimeout', PATIENCE_MS];
  return runTests(machine, report, {
    project: 'e2e',
    arguments: [...patience, 'test/e2e/system-container.test.ts'],
    env: { GODWIT_SYSTEM_MOVES: String(moves), GODWIT_SYSTEM_EVERY_MS: EVERY_MS },
  });
}

/** To the place where the lab in the guest would build it: the name carries a hash of its recipe. */
async function copy(machine: Machine, root: string): Promise<void> {
  const tar = spawn('tar', ['-c', '--numeric-owner', '-C', root, '.'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const unpack = `mkdir -p ${root} && tar -x --numeric-owner -C ${root}`;
  const status = await execute(machine, ['sh', '-c', unpack], {
    stdin: tar.stdout,
    stdout: process.stderr,
    stderr: process.stderr,
  });
  if (status !== 0) throw new Error(`${root} could not be copied: exit ${status}`);
}

/** Programs of another root, run above it: it is what containers are made of. */
function borrowSsh(root: string): string {
  return `
    mkdir /scratch/ssh /scratch/ssh.upper /scratch/ssh.work
    mount -t overlay -o lowerdir=${root},upperdir=/scratch/ssh.upper,workdir=/scratch/ssh.work ssh /scratch/ssh
    for dir in tmp dev; do mount --bind /$dir /scratch/ssh/$dir; done
    for name in ssh ssh-keygen; do
      printf '#!/bin/sh\\nexec chroot /scratch/ssh %s "$@"\\n' $name >/usr/local/bin/$name
      chmod 755 /usr/local/bin/$name
    done`;
}
