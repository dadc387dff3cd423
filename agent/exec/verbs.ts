import { type EXCHANGES, GodwitError, LIMITS } from '../../protocol/mod.ts';
import type { Clock } from '../effects/clock.ts';
import type { Random } from '../effects/random.ts';
import type { Handlers } from '../node/endpoints.ts';
import type { Attached, Runtime } from '../runtime/runtime.ts';
import { ExecSession } from './session.ts';
import type { ExecSessions } from './sessions.ts';

type ExecHandlers = Required<
  Pick<Handlers<typeof EXCHANGES.container>, 'exec' | 'exec-open' | 'exec-read' | 'exec-write'>
>;

interface Executing {
  readonly runtime: Pick<Runtime, 'attach' | 'exec' | 'status'>;
  readonly clock: Clock;
  readonly random: Random;
}

/** Commands in one container, those that somebody talks to and others. @throws GodwitError from each: EXEC_FAILED for a session that is over */
export function execVerbs(
  name: string,
  { runtime, clock, random }: Executing,
  sessions: ExecSessions,
): ExecHandlers {
  return {
    exec: async ({ argv, timeoutMs, session }) => {
      const { state } = await runtime.status(name);
      if (state !== 'running')
        throw new GodwitError('CONTAINER_STATE', { container: name, state, wanted: 'running' });
      let over = () => {};
      const started = (signal: Attached['signal']) => {
        if (session !== undefined) over = sessions.begin(name, session, signal);
      };
      const result = await runtime.exec(name, argv, { timeoutMs, started }).finally(() => over());
      const stdout = clip(result.stdout);
      const stderr = clip(result.stderr);
      const truncated = stdout.length < result.stdout.length || stderr.length < result.stderr.length;
      return { exitCode: result.exitCode, stdout, stderr, truncated };
    },

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
      const send = sessions.signalOf(name, id);
      if (send) {
        if (signal && !(await send(signal))) throw absent(name);
        return {};
      }
      const { session, attached } = sessions.find(name, id);
      if (size) await attached.resize(size);
      await session.write(Buffer.from(data, 'base64'));
      if (end) session.end();
      if (signal && !(await attached.signal(signal))) throw absent(name);
      return {};
    },
  };
}

/** Whoever sends a signal may try again. */
function absent(container: string): GodwitError {
  return new GodwitError('EXEC_FAILED', { container, problem: 'the command is not there to take a signal' });
}

function clip(text: string): string {
  const bytes = Buffer.from(text);
  return bytes.length <= LIMITS.execOutputBytes ? text : bytes.subarray(0, LIMITS.execOutputBytes).toString();
}
