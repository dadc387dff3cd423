import type { Job } from '../../protocol/job.ts';

/** Why a move has not begun; undefined when it has. */
export function queueWords({ queue }: Job): string | undefined {
  if (!queue) return undefined;
  if (queue.waitsFor !== undefined) return `waits for ${queue.waitsFor}`;
  return queue.place === undefined ? 'queued' : `queued ${queue.place}`;
}
