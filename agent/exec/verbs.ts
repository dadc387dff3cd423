import { type EXCHANGES, GodwitError, LIMITS } from '../../protocol/mod.ts';
import type { Clock } from '../effects/clock.ts';
import type { Random } from '../effects/random.ts';
import type { Handlers } from '../node/endpoints.ts';
import type { Attached, Runtime } from '../runtime/runtime.ts';
import { ExecSession } from './session.ts';

type ExecHandlers = Required<
  Pick<Handlers<typeof EXCHANGES.container>, 'exec-open' | 'exec-read' | 'exec-write'>
>;

interface Executing {
  readonly runtime: Pick<Runtime, 'attach'>;
  readonly clock: Clock;
  readonly random: Random;
}

/** Commands in one container that somebody talks to. @throws GodwitError from each: EXEC_FAILED for a session that is over */
export function execVerbs(name: string, { runtime, clock, random }: Executing): ExecHandlers {
  const sessions = new Map<string, { readonly session: ExecSession; readonly attached: Attached }>();
  const find = (session: string) => {
    const found = sessions.get(session);
    if (!found) throw new GodwitError('EXEC_FAILED', { container: name, problem: 'this command has ended' });
    return found;
  };
  return {
    'exec-open': async ({ argv, terminal }) => {
      if (sessions.size >= LIMITS.execSessions)
        throw new GodwitError('EXEC_FAILED', { container: name, problem: 'too many commands run in it' });
      const session = random.token();
      const attached = await runtime.attach(name, argv, terminal);
      const over = () => void sessions.delete(session);
      sessions.set(session, { attached, session: new ExecSession(attached, clock, over) });
      return { session };
    },

    'exec-read': ({ session }) => find(session).session.read(),

    'exec-write': async ({ session: id, data, end, size, signal }) => {
      const { session, attached } = find(id);
      if (size) await attached.resize(size);
      await session.write(Buffer.from(data, 'base64'));
      if (end) session.end();
      if (signal) await attached.signal(signal);
      return {};
    },
  };
}
