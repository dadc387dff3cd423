import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { REFUSALS, refuse } from './catalogue.ts';

const page = readFileSync(new URL('README.md', import.meta.url), 'utf8');

describe('refusal catalogue', () => {
  it('stands word for word in the page, and nothing else does', () => {
    const rows = page.split('\n').flatMap((line) => {
      const cells = line.split('|').map((cell) => cell.trim());
      return /^`[A-Z_]+`$/.test(cells[1] ?? '') ? [cells.slice(1, 5)] : [];
    });
    const expected = Object.entries(REFUSALS).map(([code, { overridable, message, hint }]) => [
      `\`${code}\``,
      overridable ? 'yes' : 'no',
      message.replace('{what}', '…'),
      hint,
    ]);
    expect(rows).toEqual(expected);
  });

  it('fills in what was found, whatever characters it has', () => {
    expect(refuse('BRIDGE_MISSING', 'n2', '$& br0')).toEqual({
      code: 'BRIDGE_MISSING',
      message: 'no such bridge: $& br0',
      hint: REFUSALS.BRIDGE_MISSING.hint,
      node: 'n2',
      overridable: false,
    });
  });
});
