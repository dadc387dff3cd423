import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tools } from '../../../agent/agent.ts';
import type { AgentConfig } from '../../../agent/config/config.ts';
import { createCriu } from '../../../agent/criu/mod.ts';
import type { Command, Runner, RunResult } from '../../../agent/effects/runner.ts';
import { systemClock } from '../../../agent/effects/system-clock.ts';
import { createRunner } from '../../../agent/effects/system-runner.ts';
import type { Faults } from '../../../agent/faults/faults.ts';
import { PagerConfig } from '../../../agent/pager/messages.ts';
import { runPager } from '../../../agent/pager/run-pager.ts';
import { openDataPort } from '../../../agent/transfer/mod.ts';
import { FAKE_PROGRAMS, fakeRuntime, fakeWords } from './fake-runtime.ts';

const silent = { debug: () => {}, warn: () => {} };
const FEATURES = ['mem_dirty_track', 'uffd-noncoop', 'network_lock_nftables', 'clone3_set_tid'];

/** What an agent over fake programs reaches its host with. */
export function fakeTools(
  { node }: AgentConfig,
  dir: string,
  faults: Faults,
  openData = openDataPort,
): Tools {
  const runner = fakeRunner(fakeWords(dir));
  const criu = createCriu({ runner });
  const runtime = fakeRuntime({ dir, node, runner, clock: systemClock, explain: criu.explain });
  // In this process: its program would have to be compiled first.
  const launchPager = async (file: string) =>
    runPager(PagerConfig.parse(JSON.parse(readFileSync(file, 'utf8'))), {
      runner,
      criu,
      clock: systemClock,
      log: silent,
    });
  return { runner, criu, launchPager, runtime, openData, faults };
}

/** Programs that have a fake one. */
const FAKES: Readonly<Record<string, string>> = { criu: 'fake-criu.mjs', zstd: 'fake-zstd.mjs' };
/** Those that are themselves until they are told something. */
const TOLD: ReadonlySet<string> = new Set(['rm', 'umount']);

/** The real runner; criu and zstd are fake ones, and nothing reaches the network namespace of the machine. */
function fakeRunner(fake: string): Runner {
  const runner = createRunner();
  const replaced = (command: Command): Command => {
    const env = { ...command.env, GODWIT_FAKE: fake };
    if (command.file === 'nsenter') return { ...command, file: 'true', args: [] };
    const stand = (program: string, ...before: readonly string[]) => {
      const args = [join(FAKE_PROGRAMS, program), ...before, ...command.args];
      return { ...command, file: process.execPath, args, env };
    };
    const { file } = command;
    if (TOLD.has(file) && existsSync(join(fake, file))) return stand('told.mjs', file);
    return FAKES[file] === undefined ? { ...command, env } : stand(FAKES[file]);
  };
  return {
    run: async (command) => answerOf(command) ?? (await runner.run(replaced(command))),
    start: (command) => runner.start(replaced(command)),
  };
}

/** Questions that need no process. */
function answerOf({ file, args }: Command): RunResult | undefined {
  if (file !== 'criu') return undefined;
  const result = { signal: null, stderr: '', timedOut: false, durationMs: 1 };
  if (args[0] === '--version') return { ...result, exitCode: 0, stdout: 'Version: 4.2.1\n' };
  if (args[0] === 'check')
    return { ...result, exitCode: FEATURES.includes(args[2] ?? '') ? 0 : 1, stdout: '' };
  return undefined;
}
