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
  ...['node', 'node_modules/vitest/vitest.mjs', 'run', '--config', 'test/vitest.config.ts'],
  ...['--no-file-parallelism', '--reporter=default', '--reporter=json', `--outputFile.json=${REPORT}`],
];

/** Which tests, and how. */
export interface TestWish {
  /** Of vitest's configuration. */
  readonly project: string;
  /** More for vitest, among them parts of names of test files; all of the project without any. */
  readonly arguments: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs tests in a guest and fetches vitest's JSON report into a file here. Resolves with vitest's exit code. */
export async function runTests(machine: Machine, report: string, wish: TestWish): Promise<number> {
  const { stdout, stderr } = process;
  const status = await withDeadline(
    execute(machine, [...vitest, '--project', wish.project, ...wish.arguments], { stdout, stderr }, wish.env),
    TESTS_SECONDS + 30,
  );
  const { exitCode, stdout: text } = await capture(machine, ['cat', REPORT], { seconds: 60 });
  if (exitCode !== 0) throw new Error(`the guest has no ${REPORT}`);
  await mkdir(dirname(report), { recursive: true });
  await writeFile(report, text);
  return status;
}
