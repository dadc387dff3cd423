import { GodwitError } from '../../protocol/errors.ts';
import type { DataStream, StreamEnds } from './stream.ts';

/** What the transfer layer logs to; a pino logger fits. */
export interface TransferLog {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** TRANSFER_FAILED with what is known of the two ends. An error that already says TRANSFER_FAILED stays as it is. */
export function transferFailed(
  problem: string,
  ends: StreamEnds = { source: 'this node', target: 'its peer' },
  cause?: unknown,
): GodwitError {
  return new GodwitError(
    'TRANSFER_FAILED',
    { problem, source: ends.source, target: ends.target },
    cause === undefined ? {} : { cause },
  );
}

/** Any thrown value as TRANSFER_FAILED: one that is a GodwitError already is returned as it is. */
export function asTransferFailure(
  error: unknown,
  doing: string,
  stream?: Pick<DataStream, 'ends'>,
): GodwitError {
  if (error instanceof GodwitError) return error;
  return transferFailed(`${doing}: ${problemOf(error)}`, stream?.ends, error);
}

/** The reason in an error, without the sentence around it that would be repeated when it travels on. */
export function problemOf(error: unknown): string {
  if (error instanceof GodwitError && typeof error.details.problem === 'string') return error.details.problem;
  return error instanceof Error ? error.message : String(error);
}

/** The peer is up, knows what it has, and has not what is asked for, nor ever will. */
export function goneForGood(problem: string, ends?: StreamEnds): GodwitError {
  const { details } = transferFailed(problem, ends);
  return new GodwitError('TRANSFER_FAILED', { ...details, gone: true });
}

/** The peer is up, but an encrypted connection cannot be had: it does not know the job, or is not the peer at all. */
export function keyless(problem: string, ends?: StreamEnds): GodwitError {
  const { details } = transferFailed(problem, ends);
  return new GodwitError('TRANSFER_FAILED', { ...details, keyless: true });
}

export function isKeyless(error: unknown): boolean {
  return error instanceof GodwitError && error.details.keyless === true;
}

export function isGoneForGood(error: unknown): boolean {
  return error instanceof GodwitError && error.details.gone === true;
}
