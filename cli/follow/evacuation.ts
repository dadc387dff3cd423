import type { Job } from '../../protocol/job.ts';
import type { EvacuationItem } from '../../protocol/placement/evacuation.ts';
import { groupPauses } from '../../protocol/placement/group-pause.ts';
import { formatBytes, formatMs } from '../output/format.ts';
import { formatTable } from '../output/table.ts';
import { printable } from '../output/text.ts';

/** How an evacuation ended, container by container. */
export function evacuationSummary(job: Job): string {
  const moved = job.evacuation?.items.filter(({ state }) => state === 'moved').length ?? 0;
  return `${printable(`${job.node} is empty: ${moved} containers moved in ${formatMs(job.totalMs)}`)}\n${evacuationTable(job)}`;
}

/** A line for each group of which several members have moved. */
function groupLines({ evacuation }: Job): string {
  return groupPauses(evacuation?.items ?? [])
    .map(
      ({ group, members, pauseMs }) => `group ${group}: held up for ${formatMs(pauseMs)} by ${members} moves`,
    )
    .map((line) => `${printable(line)}\n`)
    .join('');
}

/** Each container with its place, in the order of the moves. */
export function evacuationTable(job: Job): string {
  const table = formatTable(job.evacuation?.items ?? [], [
    { title: 'CONTAINER', cell: ({ container }) => container },
    { title: 'STATE', cell: ({ state }) => state },
    { title: 'TARGET', cell: ({ state, target }) => (state === 'moved' ? target : undefined) },
    { title: 'MEMORY', cell: ({ memoryBytes }) => formatBytes(memoryBytes), align: 'right' },
    { title: 'DOWNTIME', cell: downtime, align: 'right' },
    { title: 'TRIES', cell: ({ attempts }) => attempts, align: 'right' },
    { title: 'JOB', cell: ({ job }) => job },
    { title: 'REASON', cell: ({ reason }) => reason },
  ]);
  return table + groupLines(job);
}

function downtime({ state, stoppedAtMs, resumedAtMs }: EvacuationItem): string {
  const known = state === 'moved' && stoppedAtMs !== undefined && resumedAtMs !== undefined;
  return formatMs(known ? resumedAtMs - stoppedAtMs : undefined);
}
