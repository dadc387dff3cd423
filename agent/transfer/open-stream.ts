import { LIMITS } from '../../protocol/limits.ts';
import { type Connection, DialError, Dialer, type DialerOptions } from './dialer.ts';
import { goneForGood, keyless, type TransferLog, transferFailed } from './failure.ts';
import { FramedStream } from './framed-stream.ts';
import type { SharedLink } from './shared-link.ts';

/** Between two attempts to reach a peer that does not answer. */
const AGAIN_MS = 250;

export interface OpenStreamOptions extends DialerOptions {
  readonly signal: AbortSignal;
  /** Told of connections that break and of those that take their place. */
  readonly log?: TransferLog;
  /** See FramedStreamOptions. */
  readonly inbound?: SharedLink;
}

/**
 * Connects to a peer's data port and opens one stream there. A peer that refuses, or whose port is closed, is believed at
 * once; one that does not answer is asked again for as long as a broken stream would be.
 * @throws GodwitError TRANSFER_FAILED (see isGoneForGood, isKeyless); the signal's reason
 */
export async function openStream(options: OpenStreamOptions): Promise<FramedStream> {
  const { id, clock, log, inbound } = options;
  const dialer = new Dialer(options);
  const connection = await firstConnection(dialer, options);
  return new FramedStream({ id, clock, log, connection, dialer, inbound });
}

async function firstConnection(dialer: Dialer, { clock, signal }: OpenStreamOptions): Promise<Connection> {
  const deadlineMs = clock.monotonicMs() + LIMITS.streamResumeMs;
  for (;;) {
    try {
      return await dialer.dial({ withinMs: LIMITS.handshakeMs, signal });
    } catch (error) {
      if (!(error instanceof DialError)) throw error;
      if (error.kind === 'unknown') throw goneForGood(error.message, error.ends);
      if (error.kind === 'keyless') throw keyless(error.message, error.ends);
      if (error.kind !== 'unreachable' || clock.monotonicMs() >= deadlineMs)
        throw transferFailed(error.message, error.ends, error);
    }
    await clock.sleep(AGAIN_MS, signal);
  }
}
