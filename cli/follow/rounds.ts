import type { Job, Round } from '../../protocol/job.ts';
import { formatBytes, formatMs, formatRate } from '../output/format.ts';
import { formatTable } from '../output/table.ts';

/** A job's pre-dumps as a table; empty without any. */
export function roundsTable({ rounds }: Pick<Job, 'rounds'>): string {
  if (rounds.length === 0) return '';
  return formatTable(rounds, [
    { title: 'ROUND', cell: (round) => round.index, align: 'right' },
    { title: 'BYTES', cell: (round) => formatBytes(round.bytes), align: 'right' },
    { title: 'PAGES', cell: (round) => round.pagesWritten, align: 'right' },
    { title: 'SKIPPED', cell: (round) => round.pagesSkipped, align: 'right' },
    { title: 'TOOK', cell: (round) => formatMs(round.durationMs), align: 'right' },
    { title: 'FROZEN', cell: (round) => formatMs(round.frozenMs), align: 'right' },
  ]);
}

/** A finished pre-dump in one line. */
export function roundLine(round: Round): string {
  const rate = round.durationMs > 0 ? ` (${formatRate((round.bytes / round.durationMs) * 1000)})` : '';
  const took = `${formatMs(round.durationMs)}${rate}, frozen for ${formatMs(round.frozenMs)}`;
  return `round ${round.index}: ${round.pagesWritten} pages, ${formatBytes(round.bytes)} in ${took}`;
}
