import { writeFile } from 'node:fs/promises';
import { GodwitError } from '../../../protocol/errors.ts';
import type { Job } from '../../../protocol/job.ts';
import { timelineSvg } from './svg.ts';

export { drawTimeline } from './draw.ts';

/** Writes the job's timeline as an SVG picture. @throws GodwitError USAGE when the file cannot be written */
export async function saveTimeline(job: Job, file: string): Promise<void> {
  try {
    await writeFile(file, timelineSvg(job));
  } catch (error) {
    throw new GodwitError('USAGE', { problem: `--svg ${file}: ${(error as Error).message}` });
  }
}
