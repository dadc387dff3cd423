import type { ContainerInfo } from '../../../protocol/mod.ts';
import type { Cluster } from './cluster.ts';
import { until } from './until.ts';

/**
 * Waits until a container's record says that it runs and that nothing works on it: a move is told to be done when the
 * container runs, a moment before its record settles. While its owner changes it may be that nobody answers for it.
 */
export async function atRest(cluster: Cluster, name: string): Promise<ContainerInfo> {
  let info: ContainerInfo | undefined;
  await until(
    () => `${name} is at rest: ${JSON.stringify(info?.container)}`,
    60_000,
    async () => {
      const { exitCode, stdout } = await cluster.godwit('inspect', name, '--json');
      if (exitCode !== 0) return false;
      info = JSON.parse(stdout) as ContainerInfo;
      const { phase, state, job } = info.container;
      return phase === 'running' && state === 'running' && job === undefined;
    },
  );
  return info as ContainerInfo;
}
