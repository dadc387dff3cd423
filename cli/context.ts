import type { ConnectionFlags } from './bus/options.ts';
import type { Session } from './bus/session.ts';
import type { Format } from './output/document.ts';
import type { Terminal } from './terminal.ts';

/** The flags every command takes. */
export interface GlobalFlags extends ConnectionFlags {
  readonly output?: Format;
  readonly json?: boolean;
  /** False with --no-headers. */
  readonly headers?: boolean;
}

/** What a command works with. */
export interface Context {
  readonly terminal: Terminal;
  readonly format: Format;
  readonly json: boolean;
  readonly headers: boolean;
  /** Aborted by the first Ctrl-C. A command that asks for it must end on it. */
  readonly interrupted: () => AbortSignal;
  /** The one connection of this command, opened when it is first asked for. */
  readonly session: () => Promise<Session>;
}

/** Closes what the command opened. */
export interface OwnedContext extends Context {
  readonly close: () => Promise<void>;
}

/** Makes a command's context from its flags; nothing is loaded or connected yet. */
export function createContext(terminal: Terminal, flags: GlobalFlags): OwnedContext {
  const json = flags.json === true || flags.output === 'json';
  let opened: Promise<Session> | undefined;
  let interrupt: AbortController | undefined;
  const onInterrupt = (): void => interrupt?.abort();

  return {
    terminal,
    format: json ? 'json' : (flags.output ?? 'table'),
    json,
    headers: flags.headers !== false,
    interrupted() {
      if (interrupt === undefined) {
        interrupt = new AbortController();
        process.once('SIGINT', onInterrupt); // Only once: a second Ctrl-C ends the program the hard way.
      }
      return interrupt.signal;
    },
    session() {
      opened ??= open(flags, terminal);
      return opened;
    },
    async close() {
      process.removeListener('SIGINT', onInterrupt);
      await (await opened?.catch(() => undefined))?.close();
    },
  };
}

async function open(flags: GlobalFlags, terminal: Terminal): Promise<Session> {
  const [{ connectionSettings }, { openSession }] = await Promise.all([
    import('./bus/options.ts'),
    import('./bus/session.ts'),
  ]);
  return openSession(connectionSettings(flags, terminal.env));
}
