import { realpath } from 'node:fs/promises';
import { hostPaths, parseDomain } from '../../../protocol/domain/mod.ts';
import type { DomainSpec } from '../../../protocol/mod.ts';
import { isNamedByTasks } from '../../host/named-by-tasks.ts';
import type { Agent } from '../../migration/agent.ts';
import { usersOf } from '../../preflight/users.ts';

export type Cluster = Pick<Agent, 'arriving' | 'bus' | 'containers' | 'runtime'>;

/**
 * Finds out who may use what restores have left: containers of any node (their disks may be shared), those that arrive, those that the runtime
 * has beside godwit's, and tasks of this node. A job's id is found in a path wherever that leads from.
 * @throws GodwitError STORE_UNAVAILABLE, RUNTIME_FAILED, XML_REFUSED: it is not known then
 */
export async function usersOfReplaced(
  cluster: Cluster,
  proc?: string,
): Promise<(path: string, job: string) => Promise<boolean>> {
  const { arriving, bus, containers, runtime } = cluster;
  const own = [...containers.list(), ...arriving.values()].map(({ spec }) => spec);
  const foreign: DomainSpec[] = [];
  for (const { name } of await runtime.list())
    if (!own.some((spec) => spec.name === name)) foreign.push((await runtime.describeForeign(name)).spec);
  const records = (await bus.records.list()).map(({ record: { name, spec } }) =>
    parseDomain(spec, { file: `record of ${name}` }),
  );
  const here = [...own, ...foreign];
  const specs = [...here, ...records];
  const led = await Promise.all(here.flatMap(pathsOf).map((path) => realpath(path).catch(() => path)));
  const words = JSON.stringify([specs, led]);
  return async (path, job) =>
    words.includes(job) || usersOf(path, { name: '' }, specs).length > 0 || (await isNamedByTasks(job, proc));
}

function pathsOf(spec: DomainSpec): string[] {
  return [spec.root.source, ...hostPaths(spec)];
}
