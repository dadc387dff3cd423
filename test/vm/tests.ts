import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Writable } from 'node:stream';
import { execute } from './channel.ts';
import type { Machine } from './machine.ts';

/** A guest that hangs ends then; the tests have deadlines of their own below it. */
const TESTS_SECONDS = 2400;
const REPORT = '/tmp/report.json';

const vitest = [
  ...['timeout', '--kill-after=10', String(TESTS_SECONDS)],
  ...[
    'node',
    'node_modules/vitest/vitest.mjs',
    'run',
    '--config',
    'test/vitest.config.ts',
    '--project',
    'vm',
  ],
  ...['--no-file-parallelism', '--reporter=default', '--reporter=json', `--outputFile.json=${REPORT}`],
];

/**
 * Runs the vitest project `vm` in a guest and fetches its JSON report into a file here. Resolves with vitest's exit code.
 * @param filters only test files whose name contains one of these; all without any
 */
export async function runTests(
  machine: Machine,
  report: string,
  filters: readonly string[],
): Promise<number> {
  const { stdout, stderr } = process;
  const status = await withDeadline(
    execute(machine, [...vitest, ...filters], { stdout, stderr }),
    TESTS_SECONDS + 30,
  );
  const text = await withDeadline(read(machine, REPORT), 60);
  await mkdir(dirname(report), { recursive: true });
  await writeFile(report, text);
  return status;
}

async function read(machine: Machine, path: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const stdout = new Writable({
    write(chunk, _, done) {
      chunks.push(chunk);
      done();
    },
  });
  const status = await execute(machine, ['cat', path], { stdout, stderr: process.stderr });
  if (status !== 0) throw new Error(`the guest has no ${path}`);
  return Buffer.concat(chunks);
}

/** Rejects when the guest does not answer for so long that its own deadline must have broken. */
async function withDeadline<Value>(work: Promise<Value>, seconds: number): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`the guest gave no answer within ${seconds} s`)),
      seconds * 1000,
    );
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}
