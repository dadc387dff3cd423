import type { Msg, NatsConnection } from '@nats-io/transport-node';
import { GodwitError } from '../../protocol/errors.ts';
import { connectNats } from './connect.ts';
import { nobodyListens } from './failure.ts';
import type { ConnectionSettings } from './options.ts';

type Nats = typeof import('@nats-io/transport-node');

/** Changes nothing: asked twice, it is answered twice. */
const QUESTION = 'info';

/**
 * Whether another server of the list may reach whom this one does not. What nobody has received can be sent anew, whatever it
 * does; a request without an answer may have been carried out, so that only questions are asked again.
 * @param error what the client library threw, or the responder's own answer, which is final
 */
export function mayAskElsewhere(verb: string, error: unknown, { code }: GodwitError): boolean {
  if (error instanceof GodwitError) return false;
  return code.endsWith('_NOT_FOUND') || (code === 'BUS_TIMEOUT' && verb === QUESTION);
}

/**
 * Sends the request to the other servers of the list, one after the other, until one of them reaches somebody; undefined when
 * none does in time. One that cannot be connected to is passed over. @throws the client library's error when somebody may have received it
 */
export async function askElsewhere(
  nats: Nats,
  settings: ConnectionSettings,
  asked: NatsConnection,
  request: { readonly subject: string; readonly payload: Uint8Array; readonly timeoutMs: number },
): Promise<Msg | undefined> {
  const { subject, payload, timeoutMs } = request;
  const here = asked.getServer();
  const untilMs = performance.now() + timeoutMs;
  for (const server of settings.servers.filter((one) => hostOf(one) !== hostOf(here))) {
    if (performance.now() > untilMs) break;
    const other = await connectNats(nats, { ...settings, servers: [server] }).catch(() => undefined);
    try {
      const reply = await other?.request(subject, payload, { timeout: timeoutMs });
      if (reply) return reply;
    } catch (error) {
      if (!nobodyListens(error)) throw error;
    } finally {
      await other?.close();
    }
  }
  return undefined;
}

/** Host and port, however the address is written. */
function hostOf(server: string): string {
  const url = new URL(server.includes('://') ? server : `nats://${server}`);
  return `${url.hostname}:${url.port || 4222}`;
}
