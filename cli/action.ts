import type { Command } from 'commander';
import { type Context, createContext, type GlobalFlags } from './context.ts';
import type { Terminal } from './terminal.ts';

/** What the commands share while the program runs. */
export interface Cli {
  readonly terminal: Terminal;
  /** What the program will exit with; 0 unless a command says otherwise. */
  exitCode: number;
}

/**
 * Wraps a command's work as commander wants it: `run` gets the context, the command's own options and its arguments,
 * and may return an exit code. The connection is closed whatever happens.
 */
export function action<Options extends object, Args extends readonly unknown[]>(
  cli: Cli,
  run: (context: Context, options: Options, ...args: Args) => Promise<number | undefined>,
): (...received: unknown[]) => Promise<void> {
  return async (...received) => {
    const command = received.at(-1) as Command;
    const args = received.slice(0, -2) as unknown as Args;
    const context = createContext(cli.terminal, command.optsWithGlobals<GlobalFlags>());
    try {
      cli.exitCode = (await run(context, command.opts<Options>(), ...args)) ?? 0;
    } finally {
      await context.close();
    }
  };
}
