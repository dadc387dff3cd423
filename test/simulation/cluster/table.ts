import type { BalanceReport } from './balance.ts';
import type { Report } from './lose.ts';

/** What became of a cluster of one size: left to itself for an hour, and when it lost a tenth of its nodes. */
export interface Row {
  readonly balance: BalanceReport;
  readonly loss: Report;
}

/** The rows as two tables, one for each of what was done. */
export function tableText(rows: readonly Row[]): string {
  const balance = rows.map(({ balance: one }) => [
    ...[whole(one.nodes), whole(one.containers), percent(one.peakBefore), percent(one.peakAfter)],
    ...[percent(one.meanAfter), one.levelMinute.toFixed(0), (one.moves / one.containers).toFixed(3)],
    ...[
      whole(one.movesMost),
      whole(one.returns),
      (100 * one.lateEach).toFixed(2),
      one.messagesEach.toFixed(1),
    ],
  ]);
  const loss = rows.map(({ loss: one }) => [
    ...[whole(one.nodes), whole(one.leaving), whole(one.containers), whole(one.stayed)],
    ...[one.auctionsEach.toFixed(2), percent(one.peakTaken), percent(one.peakBefore)],
    ...[whole(Math.round(one.answersEach)), (one.tookMs / 60_000).toFixed(1)],
  ]);
  return `${HEAD}\n${table(BALANCE, balance)}\n${BETWEEN}\n${table(LOSS, loss)}`;
}

const BALANCE = [
  ...['nodes', 'containers', 'fullest before', 'fullest after', 'mean after', 'level by minute'],
  ...['moves each', 'most of one', 'moved back', 'late moves of 100', 'messages a minute'],
];
const LOSS = [
  ...['nodes', 'lost', 'containers', 'without a place', 'auctions each'],
  ...['fullest that took one', 'fullest before', 'answers an auction', 'minutes'],
];

const HEAD = `# Clusters of many sizes

<!-- Written by \`npm run simulate:cluster -- --nodes 10,30,100,300,1000,3000,10000 --write\`. -->

Every node balances by itself for an hour, while what each container uses goes up and down by a tenth each minute. A node's fullness is
the largest component of its load. *Level*: the fullest is not above the mean by more than 0.3 of a node (the largest containers fill 0.35).
*Late*: in the second half hour. *Messages*: announcements heard, questions and answers, of one node, in the busiest minute.
`;

const BETWEEN = `
A tenth of the nodes is emptied at once, two moves at a time each:
`;

function table(titles: readonly string[], cells: readonly (readonly string[])[]): string {
  const lines = [titles, titles.map(() => '---:'), ...cells];
  return lines.map((line) => `| ${line.join(' | ')} |\n`).join('');
}

function whole(value: number): string {
  return value.toLocaleString('en-US');
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}
