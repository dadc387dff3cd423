import { mkdir, readdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hostPaths } from '../../../protocol/domain/mod.ts';
import { type DomainSpec, GodwitError, isContainerName } from '../../../protocol/mod.ts';
import { cgroupVersion } from '../../host/cgroup-paths.ts';
import { hasCode, hostFailed } from '../../host/failure.ts';
import { appArmorEnabled } from '../../host/kernel.ts';
import { CONFIG_MARK, formatConfig } from './config.ts';
import { statusOf } from './info.ts';
import { initIds } from './init-ids.ts';
import { lacksOf } from './lacks.ts';
import { deviceNumbers } from './limits.ts';
import { configFile } from './names.ts';
import { overlayDir } from './overlay.ts';
import type { Lxc } from './tool.ts';

/**
 * Writes LXC's configuration of a container, whole or not at all.
 * @throws GodwitError UNSUPPORTED, NODE_LACKS, HOST_FAILED, CONTAINER_EXISTS (a container of that name which is not godwit's)
 */
export async function defineContainer(options: Lxc, spec: DomainSpec): Promise<void> {
  await refuseForeign(options, configFile(options.lxcPath, spec.name), spec.name);
  await writeConfig(options, spec);
}

/** Writes the configuration over whatever is there. @throws GodwitError UNSUPPORTED, NODE_LACKS, HOST_FAILED */
export async function writeConfig(options: Lxc, spec: DomainSpec): Promise<void> {
  const file = configFile(options.lxcPath, spec.name);
  const lacks = await lacksOf(options, spec);
  if (lacks.length > 0) {
    const problem = lacks.map(({ kind, what }) => `${kind} ${what}`).join(', ');
    throw new GodwitError('NODE_LACKS', { node: options.node, container: spec.name, problem });
  }
  const ids = await initIds(spec);
  const text = formatConfig(spec, {
    cgroup: await cgroupVersion(),
    appArmor: await appArmorEnabled(),
    fileSources: await fileSources(spec),
    networks: options.networks ?? {},
    devices: await deviceNumbers(spec),
    ...(ids ? { initIds: ids } : {}),
    overlay: overlayDir(options.lxcPath, spec.name),
  });
  const fresh = `${file}.new`;
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o750 });
    await writeFile(fresh, text, { mode: 0o640 });
    await rename(fresh, file);
  } catch (error) {
    throw hostFailed(`writing ${file}`, error);
  }
}

/**
 * Removes LXC's configuration of a container. Its directory goes when nothing else is in it: a root file system that
 * lies there is never touched. Does nothing for what is not defined. @throws GodwitError CONTAINER_STATE, CONTAINER_EXISTS
 */
export async function undefineContainer(options: Lxc, name: string): Promise<void> {
  const file = configFile(options.lxcPath, name);
  const { state } = await statusOf(options, name);
  if (state === 'running' || state === 'frozen') {
    throw new GodwitError('CONTAINER_STATE', { container: name, state, wanted: 'stopped' });
  }
  await refuseForeign(options, file, name);
  await rm(file, { force: true });
  await rm(`${file}.new`, { force: true });
  await rmdir(dirname(file)).catch((error: unknown) => {
    if (!hasCode(error, 'ENOENT', 'ENOTEMPTY')) throw hostFailed(`removing ${dirname(file)}`, error);
  });
}

/** Names of the containers whose configuration godwit has written. */
export async function definedNames(options: Lxc): Promise<string[]> {
  const names = (await readdir(options.lxcPath).catch(() => [])).filter(isContainerName);
  const texts = await Promise.all(
    names.map((name) => readFile(configFile(options.lxcPath, name), 'utf8').catch(() => '')),
  );
  return names.filter((_name, index) => texts[index]?.startsWith(CONFIG_MARK));
}

async function refuseForeign(options: Lxc, file: string, container: string): Promise<void> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text !== undefined && !text.startsWith(CONFIG_MARK)) {
    throw new GodwitError('CONTAINER_EXISTS', { container, node: options.node });
  }
}

async function fileSources(spec: DomainSpec): Promise<Set<string>> {
  const files = new Set<string>();
  for (const source of hostPaths(spec)) {
    const info = await stat(source).catch(() => undefined);
    if (info && !info.isDirectory()) files.add(source);
  }
  return files;
}
