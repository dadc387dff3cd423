import { open } from 'node:fs/promises';
import { LIMITS } from '../../protocol/mod.ts';
import type { CriuLogSummary } from './criu.ts';
import { type Again, CURES, NOISE } from './cures.ts';

/** How much of a log is looked at: the first errors stand near the end of a short log or, with level 4, far inside. */
const LOG_BYTES = 4 * 1024 * 1024;

/** The first error lines of a criu log and what to do about them. A log that is not there has no lines. */
export async function explainLog(logFile: string): Promise<CriuLogSummary> {
  return explain(await textOf(logFile));
}

/** The same for the text of a log, or of anything else that quotes criu's error lines. */
export function explain(text: string): CriuLogSummary {
  const errors = text
    .split('\n')
    .filter((line) => /\bError \(/.test(line) && !NOISE.some((noise) => noise.test(line)));
  // The first known cause counts, not the first line: criu reports some failures from the inside out.
  const cure = errors.map(cureOf).find((known) => known !== undefined);
  const lines = errors.slice(0, LIMITS.criuErrorLines).map((line) => line.slice(0, LIMITS.logLineChars));
  return { lines, cure: cure ?? '' };
}

/** How a move begins once more that fails of what a text quotes of criu's errors; undefined where that would not help. */
export function againAfter(text: string): Again | undefined {
  return CURES.find(({ sign, again }) => again !== undefined && sign.test(text))?.again;
}

function cureOf(line: string): string | undefined {
  return CURES.find(({ sign }) => sign.test(line))?.cure;
}

async function textOf(file: string): Promise<string> {
  const handle = await open(file, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!handle) return '';
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(LOG_BYTES), 0, LOG_BYTES, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}
