import type { DoctorCheck } from '../../protocol/mod.ts';
import type { Criu } from '../criu/mod.ts';
import type { Clock } from '../effects/clock.ts';
import type { Runner } from '../effects/runner.ts';
import { type Check, runCheck } from './check.ts';
import { type HostPaths, hostChecks } from './host-checks.ts';
import { toolChecks } from './tool-checks.ts';
import { trialChecks } from './trial.ts';

export interface DoctorOptions {
  readonly runner: Runner;
  readonly clock: Clock;
  readonly criu: Criu;
  /** criu's program, for the trials; `criu` on the PATH when not given. */
  readonly binary?: string;
  /** The agent's run directory, such as /run/godwit. */
  readonly runDir: string;
  /** What only the agent can see: the bus, the records, the data port. */
  readonly extra?: readonly Check[];
  readonly paths?: HostPaths;
}

/**
 * Looks at everything a move needs on this node and really dumps and restores two small processes, cold and post-copy.
 * Never rejects; every check has its own deadline, and nothing stays behind. One check after the other: they measure, too.
 */
export async function runDoctor(options: DoctorOptions): Promise<DoctorCheck[]> {
  const { runner, clock, criu, extra = [], paths = { proc: '/proc', run: '/run' } } = options;
  const checks = [...hostChecks(paths), ...toolChecks(runner, criu), ...extra, ...trialChecks(options)];
  const results: DoctorCheck[] = [];
  for (const check of checks) results.push(await runCheck(clock, check));
  return results;
}
