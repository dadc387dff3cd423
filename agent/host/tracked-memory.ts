import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hostFailed } from './failure.ts';
import { birthOf } from './process-birth.ts';

/**
 * The kernel tells what was written since criu last cleared its marks, whoever had criu do that. This is what a node remembers of whose pages
 * those are: on a tmpfs, for the marks go with a boot, and by the init process, for they are those of its tasks.
 */
const fileOf = (runDir: string, initPid: number) => join(runDir, 'tracked', `${initPid}.json`);

/** What the pages are that its tasks have not written since; undefined when nobody knows. */
export async function trackedSince(runDir: string, initPid: number): Promise<string | undefined> {
  try {
    const { birth, since } = JSON.parse(await readFile(fileOf(runDir, initPid), 'utf8'));
    return birth === (await birthOf(initPid)) ? since : undefined;
  } catch {
    return undefined;
  }
}

/** @throws GodwitError HOST_FAILED */
export async function noteTracked(runDir: string, initPid: number, since: string): Promise<void> {
  const file = fileOf(runDir, initPid);
  try {
    await mkdir(join(runDir, 'tracked'), { recursive: true, mode: 0o700 });
    await writeFile(file, JSON.stringify({ birth: await birthOf(initPid), since }), { mode: 0o600 });
  } catch (error) {
    throw hostFailed(`writing ${file}`, error);
  }
}

/** Before anything clears the marks. @throws GodwitError HOST_FAILED */
export async function forgetTracked(runDir: string, initPid: number): Promise<void> {
  const file = fileOf(runDir, initPid);
  await rm(file, { force: true }).catch((error: unknown) => {
    throw hostFailed(`removing ${file}`, error);
  });
}

/** Of processes that are gone. @throws GodwitError HOST_FAILED */
export async function sweepTracked(runDir: string): Promise<void> {
  for (const entry of await readdir(join(runDir, 'tracked')).catch(() => [])) {
    const pid = Number(/^(\d+)\.json$/.exec(entry)?.[1]);
    if (pid > 0 && (await trackedSince(runDir, pid)) === undefined) await forgetTracked(runDir, pid);
  }
}
