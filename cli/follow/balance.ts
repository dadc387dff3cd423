import type { BalanceItem } from '../../protocol/documents.ts';
import { type GodwitError, toGodwitError } from '../../protocol/errors.ts';
import { exitCodeOf, type Job } from '../../protocol/job.ts';
import { LIMITS } from '../../protocol/limits.ts';
import type { BalanceMove } from '../../protocol/placement/balance/words.ts';
import type { Session } from '../bus/session.ts';
import type { Context } from '../context.ts';
import { writeError } from '../output/error.ts';
import { formatMs } from '../output/format.ts';
import { formatShare } from '../output/load.ts';
import type { Column } from '../output/table.ts';
import { printable } from '../output/text.ts';
import { acceptedJob } from './accepted-job.ts';
import { openJobFeed } from './feed.ts';
import { followJob } from './follow.ts';
import { createReporter } from './progress.ts';

const ACCEPT_MS = 30_000;
const DETACHED_EXIT = 130;

/** What was made of a plan. */
interface Applied {
  readonly items: readonly BalanceItem[];
  /** Of the first move that failed; 0: all were made. */
  readonly exitCode: number;
}

/** Makes the moves of a plan, one after the other; after one that failed none of its source, whose plan counted on it. */
export async function applyMoves(
  context: Context,
  session: Session,
  moves: readonly BalanceMove[],
): Promise<Applied> {
  const { terminal } = context;
  const say = (text: string) => context.json || terminal.err(`${printable(`godwit: ${text}`)}\n`);
  const signal = context.interrupted();
  const feed = openJobFeed(session);
  const items: BalanceItem[] = [];
  const given = new Set<string>();
  let exitCode = 0;
  try {
    for (const move of moves) {
      if (signal.aborted || given.has(move.source)) {
        items.push(move);
        continue;
      }
      const ended = await make(move);
      if (ended === undefined) {
        say('detached; the move goes on (`godwit job ls`), no other begins');
        items.push(move);
        exitCode = DETACHED_EXIT;
        continue;
      }
      items.push(ended.item);
      exitCode ||= ended.exitCode;
      if (ended.exitCode !== 0) given.add(move.source);
      if (ended.exitCode !== 0 && moves.slice(items.length).some(({ source }) => source === move.source))
        say(`${move.source} gives nothing else away`);
    }
    return { items, exitCode };
  } finally {
    feed.stop();
  }

  async function make(
    move: BalanceMove,
  ): Promise<{ readonly item: BalanceItem; readonly exitCode: number } | undefined> {
    const { container, source, target } = move;
    const reporter = createReporter(terminal, { quiet: context.json });
    const timeoutMs = LIMITS.moveMs;
    try {
      const body = { target, timeoutMs };
      const { job = '' } = await session.request('container', container, 'migrate', body, {
        timeoutMs: ACCEPT_MS,
      });
      const begun = acceptedJob({ kind: 'migrate', job, container, node: source, source, target });
      const ended = await followJob(session, feed, begun, { timeoutMs, signal, reporter });
      return ended && told(move, ended);
    } catch (error) {
      return failed(move, toGodwitError(error));
    } finally {
      reporter.end();
    }
  }

  function told(move: BalanceMove, { job, outcome = 'in-doubt', error }: Job) {
    const item = { ...move, job, outcome, ...(error ? { error } : {}) };
    const code = exitCodeOf(outcome, error);
    if (code !== 0) say(`${move.container}: ${error?.message ?? outcome}`);
    return { item, exitCode: code };
  }

  function failed(move: BalanceMove, error: GodwitError) {
    writeError(terminal, error, context);
    const unknown = error.code === 'OUTCOME_UNKNOWN' || error.code === 'BUS_TIMEOUT';
    const outcome = unknown ? ('in-doubt' as const) : ('failed' as const);
    return { item: { ...move, outcome, error: error.toWire() }, exitCode: error.exitCode };
  }
}

/** @param applied whether it is shown what became of each move */
export function balanceColumns(applied: boolean): readonly Column<BalanceItem>[] {
  const right = { align: 'right' } as const;
  return [
    { title: 'CONTAINER', cell: ({ container }) => container },
    { title: 'FROM', cell: ({ source }) => source },
    { title: 'TO', cell: ({ target }) => target },
    ...(applied ? [{ title: 'OUTCOME', cell: (item: BalanceItem) => item.outcome ?? 'not made' }] : []),
    { title: 'GAIN', cell: ({ gain }) => formatShare(gain), ...right },
    { title: 'COST', cell: ({ costMs }) => formatMs(costMs), ...right },
    { title: 'JOB', cell: ({ job }) => job, wide: true },
    { title: 'REASON', cell: ({ reason }) => reason },
  ];
}
