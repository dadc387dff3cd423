/** Where a command reads its surroundings from and writes to; replaced in tests. */
export interface Terminal {
  /** Results. */
  out(text: string): void;
  /** Everything else: errors, progress, remarks. */
  err(text: string): void;
  /** True when stderr is a terminal, so that a progress line can be rewritten in place. */
  readonly interactive: boolean;
  /** Width of that terminal now. */
  columns(): number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The process' own terminal. A reader that goes away (`godwit ps | head -1`) ends the program quietly. */
export function processTerminal(): Terminal {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
      throw error;
    });
  }
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    interactive: process.stderr.isTTY === true && process.env.TERM !== 'dumb',
    columns: () => process.stderr.columns ?? 80,
    env: process.env,
  };
}
