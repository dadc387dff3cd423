import type { EXCHANGES } from '../../protocol/mod.ts';
import type { Clock } from '../effects/clock.ts';
import type { Random } from '../effects/random.ts';
import type { Handlers } from '../node/endpoints.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { ExecSession } from './session.ts';
import type { ExecSessions } from './sessions.ts';

type ExecHandlers = Required<
  Pick<Handlers<typeof EXCHANGES.container>, 'exec-open' | 'exec-read' | 'exec-write'>
>;

interface Executing {
  readonly runtime: Pick<Runtime, 'attach'>;
  readonly clock: Clock;
  readonly random: Random;
}

/** Commands in one container that somebody talks to. @throws GodwitError from each: EXEC_FAILED for a session that is over */
export function execVerbs(
  name: string,
  { runtime, clock, random }: Executing,
  sessions: ExecSessions,
): ExecHandlers {
  return {
    'exec-open': async ({ argv, terminal }) => {
      const session = random.token();
      await sessions.open(name, session, async (over) => {
        const attached = await runtime.attach(name, argv, terminal);
        return { attached, session: new ExecSession(attached, clock, over) };
      });
      return { session };
    },

    'exec-read': ({ session }) => sessions.find(name, session).session.read(),

    'exec-write': async ({ session: id, data, end, size, signal }) => {
      const { session, attached } = sessions.find(name, id);
      if (size) await attached.resize(size);
      await session.write(Buffer.from(data, 'base64'));
      if (end) session.end();
      if (signal) await attached.signal(signal);
      return {};
    },
  };
}
