import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { LIMITS } from '../../protocol/limits.ts';
import type { Clock } from '../effects/clock.ts';
import { problemOf } from './failure.ts';
import { DIRECTION, encodeHandshake, parseAnswer, streamKey } from './handshake.ts';
import { readHandshake } from './read-handshake.ts';
import { connectSealed, isWithoutKey } from './seal.ts';
import type { StreamEnds, StreamId } from './stream.ts';
import type { PeerState } from './stream-effects.ts';
import { withWideReads } from './wide-reads.ts';

/** A peer's data port, and the token that opens streams of the job there. */
export interface DataPeer {
  readonly host: string;
  readonly port: number;
  readonly token: string;
  /** Nobody on the way can read along. */
  readonly encrypt?: boolean | undefined;
}

export interface DialerOptions {
  readonly peer: DataPeer;
  readonly id: StreamId;
  readonly clock: Clock;
}

/** A connection that went through its handshake, paused. */
export interface Connection {
  readonly socket: Socket;
  readonly ends: StreamEnds;
  readonly peer: PeerState;
  /** Bytes that came with the last piece of the handshake. */
  readonly early: Buffer;
}

export interface DialOptions {
  /** How much came from the peer, once it has let this stream in. */
  readonly received?: number;
  readonly withinMs: number;
  readonly signal: AbortSignal;
}

/** A dial that did not lead to a connection of the stream. */
export class DialError extends Error {
  override readonly name = 'DialError';
  /**
   * The peer answered and does not want it, or does not know the job and never will; it shares no key with this node; or it
   * does not listen at all.
   */
  readonly kind: 'refused' | 'unknown' | 'keyless' | 'deaf' | 'unreachable';
  readonly ends: StreamEnds;

  constructor(kind: DialError['kind'], ends: StreamEnds, problem: string, cause?: unknown) {
    super(problem, { cause });
    this.kind = kind;
    this.ends = ends;
  }
}

/** Connects one stream to a peer's data port, as often as it takes. */
export class Dialer {
  readonly id: StreamId;
  private readonly options: DialerOptions;
  /** Known to both ends of this stream and to nobody else: it is what another connection is let in with. */
  private readonly secret = randomBytes(16).toString('hex');
  private attempt = 0;

  constructor(options: DialerOptions) {
    this.id = options.id;
    this.options = options;
  }

  /** One attempt. @throws DialError; the signal's reason */
  async dial({ received, withinMs, signal }: DialOptions): Promise<Connection> {
    signal.throwIfAborted();
    const { peer, id, clock } = this.options;
    this.attempt += 1;
    const { host, port, encrypt } = peer;
    const socket = encrypt
      ? await connectSealed(peer, id.job)
      : connect({ host, port, noDelay: true, keepAlive: true });
    socket.on('error', () => {});
    const target = `${peer.host}:${peer.port}`;
    try {
      const { job, kind, index } = id;
      const { secret, attempt } = this;
      const hello = {
        job,
        kind,
        index,
        token: peer.token,
        window: LIMITS.streamWindowBytes,
        secret,
        attempt,
      };
      const body = received === undefined ? hello : { ...hello, received };
      const say = (): boolean => socket.write(encodeHandshake(DIRECTION.hello, body));
      // The token is for nobody who has not shown that he has it.
      if (encrypt) socket.once('secureConnect', say);
      else say();
      const answered = await readHandshake(socket, DIRECTION.answer, { clock, withinMs, signal });
      const answer = parseAnswer(answered.body);
      const ends = { source: localName(socket), target };
      if (!answer.ok) throw new DialError(answer.unknown ? 'unknown' : 'refused', ends, answer.problem);
      return { socket: withWideReads(socket), ends, peer: answer, early: answered.rest };
    } catch (error) {
      const ends = { source: localName(socket), target };
      socket.destroy();
      if (signal.aborted) throw signal.reason;
      if (error instanceof DialError) throw error;
      if (isWithoutKey(error))
        throw new DialError('keyless', ends, 'the job or its token is not known there', error);
      const problem = problemOf(error);
      const kind = problem.includes('ECONNREFUSED') ? 'deaf' : 'unreachable';
      throw new DialError(kind, ends, `cannot open stream ${streamKey(id)}: ${problem}`, error);
    }
  }
}

function localName(socket: Socket): string {
  return socket.localAddress === undefined ? 'this node' : `${socket.localAddress}:${socket.localPort}`;
}
