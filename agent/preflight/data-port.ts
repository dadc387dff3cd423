import { connect } from 'node:net';
import type { Clock } from '../effects/clock.ts';

/** Longer than one lost SYN. */
const PROBE_MS = 1_500;

/** Why the peer's data port does not take connections; undefined when it does. */
export function probeDataPort(
  clock: Clock,
  peer: { readonly host: string; readonly port: number },
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(peer);
    const finish = (problem?: string) => {
      cancel();
      socket.destroy();
      resolve(problem);
    };
    const cancel = clock.after(PROBE_MS, () => finish(`no answer within ${PROBE_MS} ms`));
    socket.once('connect', () => finish());
    socket.once('error', (error) => finish(error.message));
  });
}
