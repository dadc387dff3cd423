import { describe, expect, it } from 'vitest';
import { ErrorDocument } from '../../protocol/documents.ts';
import { GodwitError } from '../../protocol/errors.ts';
import { recordedTerminal } from '../../test/support/terminal.ts';
import { writeError } from './error.ts';

function written(error: GodwitError, json = false): string {
  const terminal = recordedTerminal();
  writeError(terminal, error, { json });
  expect(terminal.stdout()).toBe('');
  return terminal.stderr();
}

describe('writeError', () => {
  it('is a line and a hint', () => {
    expect(written(new GodwitError('CONTAINER_NOT_FOUND', { container: 'web' }))).toBe(
      "godwit: no node owns a container named 'web'\n" +
        'hint: `godwit ps -a` lists every container of the cluster.\n',
    );
  });

  it('is one line for a usage error', () => {
    expect(written(new GodwitError('USAGE', { problem: 'two\nlines' }))).toBe('godwit: two lines\n');
  });

  it('lists every reason of a refused pre-flight with its cure', () => {
    const refusals = [
      { code: 'BRIDGE_MISSING', message: 'no br0', hint: 'create it', node: 'n2' },
      { code: 'NO_MEMORY', message: 'too small', hint: '', node: 'n2' },
      'garbage',
    ];
    const error = new GodwitError('PREFLIGHT_REFUSED', {
      container: 'web',
      target: 'n2',
      problem: '2 reasons',
      refusals,
    });
    const lines = written(error).split('\n');
    expect(lines.slice(1, 3)).toEqual([
      '  - n2: BRIDGE_MISSING: no br0 (create it)',
      '  - n2: NO_MEMORY: too small',
    ]);
  });

  it('is the error document with --json', () => {
    const document = ErrorDocument.parse(
      JSON.parse(written(new GodwitError('NODE_NOT_FOUND', { node: 'n9' }), true)),
    );
    expect(document).toMatchObject({ code: 'NODE_NOT_FOUND', status: 404, details: { node: 'n9' } });
  });
});
