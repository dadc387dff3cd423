import type { ErrorDocument } from '../../protocol/documents.ts';
import type { GodwitError } from '../../protocol/errors.ts';
import type { Terminal } from '../terminal.ts';
import { printable } from './text.ts';

/**
 * Writes one error to stderr: a line `godwit: MESSAGE` and a line `hint: …` (a usage error is one line), the reasons of
 * a refused pre-flight below; with `json` the error document.
 */
export function writeError(
  terminal: Terminal,
  error: GodwitError,
  options: { readonly json: boolean },
): void {
  if (options.json) {
    terminal.err(`${JSON.stringify(errorDocument(error))}\n`);
    return;
  }
  const hint = printable(error.hint);
  if (error.code === 'USAGE') {
    terminal.err(`godwit: ${printable(error.message)}\n`);
    return;
  }
  terminal.err(`godwit: ${printable(error.message)}\n`);
  for (const reason of reasonsOf(error)) terminal.err(`  - ${reason}\n`);
  if (hint !== '') terminal.err(`hint: ${hint}\n`);
}

/** The document a failing command with --json writes on stderr. */
export function errorDocument(error: GodwitError): ErrorDocument {
  return {
    type: 'io.godwit.v1.error',
    code: error.code,
    status: error.status,
    message: error.message,
    hint: error.hint,
    details: error.details,
  };
}

/** The refusals an error carries in its details, one printable line each. */
function reasonsOf(error: GodwitError): string[] {
  const refusals = error.details.refusals;
  if (!Array.isArray(refusals)) return [];
  return refusals.filter(isReason).map((refusal) => {
    const cure = typeof refusal.hint === 'string' && refusal.hint !== '' ? ` (${refusal.hint})` : '';
    const where = typeof refusal.node === 'string' ? `${refusal.node}: ` : '';
    return printable(`${where}${refusal.code}: ${refusal.message}${cure}`);
  });
}

function isReason(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && 'code' in value && 'message' in value;
}
