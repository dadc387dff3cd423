import { type Case, nameOf } from './cases.ts';
import type { Played } from './play.ts';

/** What a case came to. */
export type Row = Case & { readonly played?: Played; readonly problem?: string };

/** The walk as a table: what was made to fail, how it ended, how long it took from the mending. */
export function tableOf(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const { played, problem } = row;
    const [mode = '', fault = ''] = nameOf(row).split(' ');
    if (!played)
      return `| \`${fault}\` | ${mode} | **${problem?.split('\n')[0]?.slice(0, 160) ?? 'failed'}** | | | |`;
    const ms = (value: number) => `${(value / 1000).toFixed(1)} s`;
    return `| \`${fault}\` | ${mode} | ${played.outcome} | ${played.job} | ${ms(played.recoveryMs)} | ${ms(played.gapMs)} |`;
  });
  return [
    '| fault | mode | outcome | job | recovery | lease gap |',
    '| ----- | ---- | ------- | --- | -------- | --------- |',
    ...lines,
  ].join('\n');
}
