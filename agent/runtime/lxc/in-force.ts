import type { DomainSpec } from '../../../protocol/mod.ts';
import { birthOf } from '../../host/process-birth.ts';
import type { CgroupPaths } from '../runtime.ts';
import { endRulesOfRestore } from './device-files.ts';
import { enforceDeviceRules } from './device-program.ts';
import { writeLimits } from './limits.ts';
import type { Lxc } from './tool.ts';

/** For how long after its restore what fails is tried again; a call that hangs takes its own time besides. */
const INSIST_MS = 15_000;
const PAUSE_MS = 500;

/**
 * Puts limits and device rules of a container that was just restored in force. Its tasks run, and nobody else has a copy of them: what
 * cannot be done is tried again for a while and then told, and is no reason to give the container up.
 */
export async function putInForce(
  options: Lxc,
  spec: DomainSpec,
  { initPid, paths }: { readonly initPid: number; readonly paths: CgroupPaths },
): Promise<void> {
  const birth = await birthOf(initPid);
  const gone = async () => birth === undefined || (await birthOf(initPid)) !== birth;
  const rules = () =>
    paths.version === 'v1' ? endRulesOfRestore(paths, spec) : enforceDeviceRules(options, spec.name);
  await Promise.all([
    insist(options, { what: 'its limits', of: spec.name, gone }, () => writeLimits(paths, spec)),
    insist(options, { what: 'its device rules', of: spec.name, gone }, rules),
  ]);
}

/** Never rejects. A container that has ended needs none of it. */
async function insist(
  { clock, log }: Pick<Lxc, 'clock' | 'log'>,
  { what, of, gone }: { readonly what: string; readonly of: string; readonly gone: () => Promise<boolean> },
  put: () => Promise<void>,
): Promise<void> {
  const startedMs = clock.monotonicMs();
  for (;;) {
    try {
      return await put();
    } catch (error) {
      if (await gone()) return;
      if (clock.monotonicMs() - startedMs >= INSIST_MS) {
        log.error({ container: of, err: error }, `it runs, but ${what} are not in force`);
        return;
      }
    }
    await clock.sleep(PAUSE_MS);
  }
}
