import { link, readFile, rm } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { type DomainSpec, GodwitError } from '../../../../protocol/mod.ts';
import { cgroupVersion } from '../../../host/cgroup-paths.ts';
import { hasCode, hostFailed, wordsOf } from '../../../host/failure.ts';
import { inNetwork } from '../../../host/in-network.ts';
import { appArmorEnabled } from '../../../host/kernel.ts';
import { CONFIG_MARK } from '../config.ts';
import { writeConfig } from '../define.ts';
import { payloadOf, statusOf } from '../info.ts';
import { readLimitsOf } from '../limits.ts';
import { configFile } from '../names.ts';
import { type Lxc, runtimeFailed } from '../tool.ts';
import { readSettings } from './read.ts';
import { type Adopted, translate } from './translate.ts';

const DEADLINE_MS = 5_000;
/** Where the configuration stays that a container had before. */
const KEPT_AS = '.before-godwit';

/**
 * Describes a container that LXC has and godwit did not make; changes nothing. It may run.
 * @throws GodwitError CONTAINER_NOT_FOUND, CONTAINER_EXISTS (it is godwit's already), LXC_REFUSED, RUNTIME_FAILED
 */
export async function describeForeign(options: Lxc, name: string): Promise<Adopted> {
  const file = configFile(options.lxcPath, name);
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) throw new GodwitError('CONTAINER_NOT_FOUND', { container: name });
    throw hostFailed(`reading ${file}`, error);
  });
  if (text.startsWith(CONFIG_MARK))
    throw new GodwitError('CONTAINER_EXISTS', { container: name, node: options.node });
  const { pid } = await statusOf(options, name);
  return translate(await readSettings(file, name), {
    name,
    cgroup: await cgroupVersion(),
    appArmor: await appArmorEnabled(),
    node: { memoryBytes: totalmem(), cpus: availableParallelism() },
    limits: pid === undefined ? {} : await readLimitsOf(await payloadOf(pid)),
    macs: pid === undefined ? new Map() : await macsOf(options, name, pid),
    textOf: (path) => readFile(path, 'utf8'),
  });
}

/**
 * Makes the container godwit's: its configuration becomes one that godwit wrote, the old one stays beside it. LXC's monitor
 * of a running container has read its own long ago. Resolves with the undo. @throws GodwitError UNSUPPORTED, NODE_LACKS, HOST_FAILED
 */
export async function takeOver(options: Lxc, spec: DomainSpec): Promise<() => Promise<void>> {
  const file = configFile(options.lxcPath, spec.name);
  const kept = `${file}${KEPT_AS}`;
  await rm(kept, { force: true });
  await link(file, kept).catch((error: unknown) => {
    throw hostFailed(`keeping ${file}`, error);
  });
  const undo = async () => {
    await rm(file, { force: true });
    await link(kept, file);
    await rm(kept);
  };
  try {
    await writeConfig(options, spec);
    return undo;
  } catch (error) {
    await undo();
    throw error;
  }
}

/** The interfaces of a running container with their addresses. */
async function macsOf(options: Lxc, name: string, initPid: number): Promise<Map<string, string>> {
  const command = inNetwork(initPid, 'ip', ['-j', 'link']);
  const result = await options.runner.run({ ...command, deadlineMs: DEADLINE_MS });
  if (result.exitCode !== 0) throw runtimeFailed('ip', name, wordsOf(result));
  const links = JSON.parse(result.stdout) as { ifname: string; address?: string }[];
  return new Map(links.flatMap(({ ifname, address }) => (address ? [[ifname, address] as const] : [])));
}
