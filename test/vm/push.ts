import { spawn } from 'node:child_process';
import { checkout } from '../e2e/support/checkout.ts';
import { execute } from './channel.ts';
import type { Machine } from './machine.ts';

const PARTS = [
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'protocol',
  'agent',
  'cli',
  'test',
  'deploy',
  'dist',
];

/** In the guest: what is there is brought up to date in place, so that nodes that run see it. */
const unpack =
  'rm -rf /scratch/new && mkdir /scratch/new && tar -x -C /scratch/new && ' +
  'rsync -a --delete --exclude=/node_modules /scratch/new/ /godwit/ && rm -rf /scratch/new && ' +
  // The disk was chosen by the lock file's content, and what is here was compiled: however new a file is, there is nothing to make.
  'touch /godwit/node_modules/.installed /godwit/dist/.built';

/** Copies this checkout, compiled, into a guest; again to bring it up to date. */
export async function push(machine: Machine): Promise<void> {
  const tar = spawn(
    'tar',
    ['-c', '--owner=0', '--group=0', '--exclude=dist/test-results', '-C', checkout, ...PARTS],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const status = await execute(machine, ['sh', '-c', unpack], {
    stdin: tar.stdout,
    stdout: process.stderr,
    stderr: process.stderr,
  });
  if (status !== 0) throw new Error(`the checkout could not be copied: exit ${status}`);
}
