import { arch, availableParallelism, release, totalmem } from 'node:os';
import type { Capabilities } from '../../protocol/mod.ts';
import type { Criu } from '../criu/criu.ts';
import { cgroupVersion } from '../host/cgroup-paths.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** What this node can do, found out by asking its tools. @throws GodwitError HOST_FAILED, RUNTIME_FAILED */
export async function probeCapabilities(tools: {
  readonly criu: Criu;
  readonly runtime: Runtime;
}): Promise<Capabilities> {
  const [{ criu, features }, lxc, cgroup] = await Promise.all([
    tools.criu.capabilities(),
    tools.runtime.version(),
    cgroupVersion(),
  ]);
  return {
    arch: arch(),
    kernel: release(),
    criu,
    lxc,
    cgroup,
    features,
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
  };
}
