import { GodwitError } from '../../protocol/errors.ts';

/** What was asked of whom; decides what "nobody listens" means. */
export interface Asked {
  readonly family: 'node' | 'container' | 'job' | 'all';
  /** The node, container or job; the cluster for `all`. */
  readonly name: string;
  readonly subject: string;
  readonly timeoutMs: number;
}

/** The client library's error for a request as the catalogue says it. */
export function requestError(error: unknown, asked: Asked): GodwitError {
  if (error instanceof GodwitError) return error;
  const { subject, timeoutMs } = asked;
  if (nobodyListens(error)) return notFound(asked);
  const name = error instanceof Error ? error.name : '';
  const problem = error instanceof Error ? error.message : String(error);
  if (/permission/i.test(`${name} ${problem}`)) return new GodwitError('NOT_ALLOWED', { problem });
  if (name === 'TimeoutError') return new GodwitError('BUS_TIMEOUT', { subject, timeoutMs });
  return new GodwitError('BUS_UNREACHABLE', { servers: 'the bus', problem });
}

/** Nobody answers on that subject: the node, the container or the job is not known to anyone. */
export function notFound(asked: Asked): GodwitError {
  switch (asked.family) {
    case 'node':
      return new GodwitError('NODE_NOT_FOUND', { node: asked.name });
    case 'container':
      return new GodwitError('CONTAINER_NOT_FOUND', { container: asked.name });
    case 'job':
      return new GodwitError('JOB_NOT_FOUND', { job: asked.name });
    case 'all':
      return new GodwitError('NO_NODES', { cluster: asked.name });
  }
}

/** The server knows no one who listens there: nobody has received it. */
export function nobodyListens(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.name === 'NoRespondersError') return true;
  const request = error as Error & { isNoResponders?: () => boolean };
  return typeof request.isNoResponders === 'function' && request.isNoResponders();
}
