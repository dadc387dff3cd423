import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { GodwitError } from '../../protocol/mod.ts';

/**
 * A local TCP port that nobody listens on right now, for a criu that wants to be told one.
 * @throws GodwitError HOST_FAILED
 */
export async function freePort(): Promise<number> {
  const server = createServer();
  try {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    return port;
  } catch (error) {
    throw new GodwitError('HOST_FAILED', {
      action: 'finding a free port',
      problem: (error as Error).message,
    });
  }
}
