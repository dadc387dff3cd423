import { readFile } from 'node:fs/promises';
import { arch, availableParallelism, release, totalmem } from 'node:os';
import type { Capabilities } from '../../protocol/mod.ts';
import type { AgentConfig } from '../config/config.ts';
import type { Criu } from '../criu/criu.ts';
import type { Runner } from '../effects/runner.ts';
import { cgroupVersion } from '../host/cgroup-paths.ts';
import { framesLack } from '../host/frames.ts';
import { UNPRIVILEGED_UFFD } from '../preflight/software.ts';
import type { Runtime } from '../runtime/runtime.ts';

const TOOL_MS = 10_000;
const UFFD = '/proc/sys/vm/unprivileged_userfaultfd';

/** What this node can do, found out by asking its tools. @throws GodwitError HOST_FAILED, RUNTIME_FAILED */
export async function probeCapabilities(tools: {
  readonly criu: Criu;
  readonly runtime: Runtime;
  readonly runner: Runner;
  readonly config: Pick<AgentConfig, 'keepFrames'>;
}): Promise<Capabilities> {
  const [{ criu, features }, lxc, cgroup, rsync, uffd, keepsFrames] = await Promise.all([
    tools.criu.capabilities(),
    tools.runtime.version(),
    cgroupVersion(),
    rsyncVersion(tools.runner),
    readFile(UFFD, 'utf8').catch(() => '0'),
    tools.config.keepFrames && framesLack(tools.runner).then((lack) => lack === ''),
  ]);
  return {
    arch: arch(),
    kernel: release(),
    criu,
    lxc,
    cgroup,
    features: { ...features, [UNPRIVILEGED_UFFD]: Number(uffd) === 1 },
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    keepsFrames,
    ...(rsync === undefined ? {} : { rsync }),
  };
}

async function rsyncVersion(runner: Runner): Promise<string | undefined> {
  const { stdout } = await runner.run({ file: 'rsync', args: ['--version'], deadlineMs: TOOL_MS });
  return /^rsync +version (\S+)/.exec(stdout)?.[1];
}
