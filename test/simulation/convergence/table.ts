import { MAX_DOWNTIME_MS } from './rules.ts';
import { type Result, type Rule, WAY } from './simulate.ts';
import type { Trace } from './traces.ts';

export interface Row {
  readonly trace: Trace;
  readonly rule: Rule;
  readonly result: Result;
}

/** The comparison as a page: one line for each rule on each trace. */
export function tableText(rows: readonly Row[]): string {
  const cells = rows.map(({ trace, rule, result }, i) => [
    rows[i - 1]?.trace === trace ? '' : trace.name,
    rule.name,
    `${result.rounds.length}${result.downtimeMs === undefined ? ', no end' : ''}`,
    `${(result.bytes / trace.memoryBytes).toFixed(2)} x memory`,
    result.downtimeMs === undefined ? '-' : seconds(result.downtimeMs),
    seconds(result.totalMs),
    result.share === 1 ? '' : `${Math.round(result.share * 100)} %`,
  ]);
  const titles = ['trace', 'rule', 'rounds', 'bytes', 'downtime', 'total', 'CPU left'];
  const lines = [titles, titles.map(() => '---'), ...cells].map((line) => `| ${line.join(' | ')} |`);
  return `${HEAD}\n${lines.join('\n')}\n`;
}

const HEAD = `# Stop rules compared

<!-- Written by \`npx vitest run --config test/vitest.config.ts --project simulation -u\`. -->

The same container, moved by each rule's number of rounds: link ${WAY.linkBytesPerSecond / 1e6} MB/s, ${WAY.roundMs} ms of criu's own in each
round, ${WAY.fixedMs} ms fixed cost in the downtime; the virtual machine in which some of the traces were recorded. godwit is asked for
${MAX_DOWNTIME_MS} ms, QEMU for the same without the fixed cost, and sees what is pending without a round, as only a hypervisor does.
The other rules have no target.
`;

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
