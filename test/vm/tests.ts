import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { capture, withDeadline } from './capture.ts';
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
  const { exitCode, stdout: text } = await capture(machine, ['cat', REPORT], { seconds: 60 });
  if (exitCode !== 0) throw new Error(`the guest has no ${REPORT}`);
  await mkdir(dirname(report), { recursive: true });
  await writeFile(report, text);
  return status;
}
