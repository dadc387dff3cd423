import type { Refusal } from '../../protocol/messages/node.ts';
import { printable } from '../output/text.ts';

/** Reasons against something, each with its node and its cure. */
export function refusalLines(refusals: readonly Refusal[]): string {
  return refusals
    .map((refusal) => {
      const mark = refusal.overridable ? ' (--unsafe skips this)' : '';
      const text = printable(`${refusal.node}: ${refusal.code}: ${refusal.message}${mark}`);
      return `  - ${text}\n${refusal.hint === '' ? '' : `      cure: ${printable(refusal.hint)}\n`}`;
    })
    .join('');
}
