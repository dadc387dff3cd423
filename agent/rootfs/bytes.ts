import type { Runner } from '../effects/runner.ts';
import { keptAt } from './place.ts';

/** Long enough for some hundred thousand files; a larger tree is not measured. */
const DEADLINE_MS = 20_000;

/** What a tree takes on its disk; undefined when it is not there, or too large to be measured in time. */
export async function rootfsBytes(runner: Runner, root: string): Promise<number | undefined> {
  const args = ['--summarize', '--block-size=1', '--', root];
  // Exit code 1: something vanished under its eyes.
  const { stdout, timedOut } = await runner.run({ file: 'du', args, deadlineMs: DEADLINE_MS });
  const bytes = Number(/^\d+/.exec(stdout)?.[0]);
  return timedOut || !Number.isFinite(bytes) || bytes === 0 ? undefined : bytes;
}

/** The same of an older copy that godwit left at a root or beside it. */
export async function basisBytes(runner: Runner, root: string): Promise<number> {
  return (await rootfsBytes(runner, root)) ?? (await rootfsBytes(runner, keptAt(root))) ?? 0;
}
