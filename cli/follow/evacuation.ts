import type { Job } from '../../protocol/job.ts';
import { formatBytes, formatMs } from '../output/format.ts';
import { formatTable } from '../output/table.ts';
import { printable } from '../output/text.ts';

/** How an evacuation ended, container by container. */
export function evacuationSummary(job: Job): string {
  const moved = job.evacuation?.items.filter(({ state }) => state === 'moved').length ?? 0;
  return `${printable(`${job.node} is empty: ${moved} containers moved in ${formatMs(job.totalMs)}`)}\n${evacuationTable(job)}`;
}

/** Each container with its place, in the order of the moves. */
export function evacuationTable({ evacuation }: Job): string {
  return formatTable(evacuation?.items ?? [], [
    { title: 'CONTAINER', cell: ({ container }) => container },
    { title: 'STATE', cell: ({ state }) => state },
    { title: 'TARGET', cell: ({ state, target }) => (state === 'moved' ? target : undefined) },
    { title: 'MEMORY', cell: ({ memoryBytes }) => formatBytes(memoryBytes), align: 'right' },
    { title: 'TRIES', cell: ({ attempts }) => attempts, align: 'right' },
    { title: 'JOB', cell: ({ job }) => job },
    { title: 'REASON', cell: ({ reason }) => reason },
  ]);
}
