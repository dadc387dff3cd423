import { readFile, writeFile } from 'node:fs/promises';
import { hostFailed } from './failure.ts';

const PIPE_MAX_SIZE = '/proc/sys/fs/pipe-max-size';

/**
 * Makes sure that pipes may hold `bytes`: without it criu's lazy page server dies with "page-pipe: splice: -1: Bad file
 * descriptor" where the agent has no CAP_SYS_RESOURCE. The limit is the whole machine's, only ever raised, and stays:
 * another move may rely on it. Returns the value now in force. @throws GodwitError HOST_FAILED
 */
export async function raisePipeMaxSize(bytes: number, file = PIPE_MAX_SIZE): Promise<number> {
  try {
    const now = Number(await readFile(file, 'utf8'));
    if (now >= bytes) return now;
    await writeFile(file, String(bytes));
    return Number(await readFile(file, 'utf8'));
  } catch (error) {
    throw hostFailed(`raising fs.pipe-max-size to ${bytes}`, error);
  }
}

/** Memory that can be had without swapping, by the kernel's own estimate (MemAvailable). @throws GodwitError HOST_FAILED */
export async function memoryAvailableBytes(file = '/proc/meminfo'): Promise<number> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw hostFailed('reading the free memory', error);
  });
  const match = /^MemAvailable:\s+(\d+) kB$/m.exec(text);
  if (!match) throw hostFailed('reading the free memory', `${file} has no MemAvailable`);
  return Number(match[1]) * 1024;
}

/** True where AppArmor is compiled in and on. */
export async function appArmorEnabled(file = '/sys/module/apparmor/parameters/enabled'): Promise<boolean> {
  return readFile(file, 'utf8').then(
    (text) => text.trim() === 'Y',
    () => false,
  );
}
