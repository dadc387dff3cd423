import type { Terminal } from '../../cli/terminal.ts';

/** A terminal that remembers what was written to it. */
export interface RecordedTerminal extends Terminal {
  readonly stdout: () => string;
  readonly stderr: () => string;
}

export function recordedTerminal(
  options: { readonly interactive?: boolean; readonly columns?: number; readonly env?: Terminal['env'] } = {},
): RecordedTerminal {
  const written = { out: '', err: '' };
  return {
    out: (text) => {
      written.out += text;
    },
    err: (text) => {
      written.err += text;
    },
    interactive: options.interactive === true,
    columns: () => options.columns ?? 80,
    env: options.env ?? {},
    stdout: () => written.out,
    stderr: () => written.err,
  };
}
