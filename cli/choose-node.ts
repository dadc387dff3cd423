import { hostname } from 'node:os';
import { GodwitError } from '../protocol/errors.ts';
import { isToken } from '../protocol/names.ts';
import type { Session } from './bus/session.ts';

/**
 * The node a definition goes to when none is named: the agent of this machine (its node id is the host name), else the
 * first that answers and is not cordoned.
 * @throws GodwitError NO_NODES, NO_TARGET when every node is cordoned
 */
export async function chooseNode(session: Session, host = hostname()): Promise<string> {
  const here = host.split('.')[0] ?? '';
  if (isToken(here)) {
    const answer = await session.request('node', here, 'info', {}).catch((error: unknown) => {
      if (error instanceof GodwitError && error.code === 'NODE_NOT_FOUND') return undefined;
      throw error;
    });
    if (answer !== undefined) return answer.node;
  }
  const { replies } = await session.gather('info');
  const free = replies.find((node) => node.state === 'up');
  if (free === undefined) {
    throw new GodwitError('NO_TARGET', { container: '-', problem: 'every node that answers is cordoned' });
  }
  return free.node;
}
