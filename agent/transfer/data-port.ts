import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { LIMITS } from '../../protocol/limits.ts';
import type { Clock } from '../effects/clock.ts';
import { problemOf, type TransferLog, transferFailed } from './failure.ts';
import { FramedStream } from './framed-stream.ts';
import {
  DIRECTION,
  encodeHandshake,
  HandshakeError,
  type Hello,
  parseHello,
  VersionError,
} from './handshake.ts';
import { farewell } from './linger.ts';
import { openStream } from './open-stream.ts';
import { type Claim, Permits } from './permits.ts';
import { firstByte, readHandshake } from './read-handshake.ts';
import { TLS_BYTE, unseal } from './seal.ts';
import { SharedLink } from './shared-link.ts';
import type { DataPort, DataStream, StreamId, StreamKind } from './stream.ts';
import { withWideReads } from './wide-reads.ts';

export interface DataPortOptions {
  readonly host: string;
  /** 0 lets the kernel choose; see DataPort.port. */
  readonly port: number;
  readonly clock: Clock;
  readonly log: TransferLog;
  /** Opens encrypted connections only, and takes no others. */
  readonly encrypt?: boolean;
  /** Bytes per second of all jobs together; none: what comes is taken. */
  readonly receiveBytesPerSecond?: number | undefined;
}

/** Starts to listen on the agent's data port (DESIGN section 7). @throws GodwitError TRANSFER_FAILED */
export async function openDataPort(options: DataPortOptions): Promise<DataPort> {
  const server = createServer({ noDelay: true, keepAlive: true });
  server.listen(options.port, options.host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw transferFailed(
      `cannot listen on ${options.host}:${options.port}: ${problemOf(error)}`,
      undefined,
      error,
    );
  }
  return new TcpDataPort(server, options);
}

class TcpDataPort implements DataPort {
  readonly port: number;
  readonly counters = { streamsAccepted: 0, streamsResumed: 0, handshakesRefused: 0 };
  private readonly server: Server;
  private readonly clock: Clock;
  private readonly log: TransferLog;
  private readonly encrypt: boolean;
  private readonly inbound: SharedLink;
  private readonly permits = new Permits<FramedStream>();
  private readonly streams = new Set<FramedStream>();
  /** Done, but for hearing that the peer knows. */
  private readonly lingering = new Set<FramedStream>();
  /** Connections that have not shown a handshake, oldest first. */
  private readonly strangers = new Set<Socket>();
  private settled = false;
  /** Ends what `open` is trying, per job. */
  private readonly openings = new Map<AbortController, string>();

  constructor(server: Server, options: DataPortOptions) {
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
    this.clock = options.clock;
    this.log = options.log;
    this.encrypt = options.encrypt ?? false;
    this.inbound = new SharedLink({
      clock: options.clock,
      limitBytesPerSecond: options.receiveBytesPerSecond,
    });
    server.on('connection', (socket) => void this.welcome(socket));
    server.on('error', (error) => this.log.warn({ error: error.message }, 'data port'));
  }

  permit(job: string, token: string): void {
    this.permits.permit(job, token);
  }

  forbid(job: string, reason: string): void {
    this.permits.forbid(job, reason);
    for (const [opening, of] of this.openings) if (of === job) opening.abort(transferFailed(reason));
    for (const stream of this.streams) {
      if (stream.id.job === job) stream.destroy(transferFailed(reason, stream.ends));
    }
  }

  accept(id: StreamId, signal: AbortSignal): Promise<DataStream> {
    return this.permits.accept(id, signal);
  }

  acceptNext(job: string, kind: StreamKind, signal: AbortSignal): Promise<DataStream> {
    return this.permits.acceptNext(job, kind, signal);
  }

  async open(
    peer: { readonly host: string; readonly port: number; readonly token: string },
    id: StreamId,
    signal: AbortSignal,
  ): Promise<DataStream> {
    if (this.streams.size + this.openings.size >= LIMITS.dataStreams)
      throw transferFailed('too many streams');
    const opening = new AbortController();
    this.openings.set(opening, id.job);
    try {
      const both = AbortSignal.any([signal, opening.signal]);
      const { clock, log, encrypt, inbound } = this;
      return this.keep(
        await openStream({ peer: { ...peer, encrypt }, id, clock, log, inbound, signal: both }),
      );
    } finally {
      this.openings.delete(opening);
    }
  }

  async close(): Promise<void> {
    const reason = 'the data port was closed';
    const jobs = new Set([...this.permits.permitted(), ...this.openings.values()]);
    for (const stream of this.streams) jobs.add(stream.id.job);
    for (const job of jobs) this.forbid(job, reason);
    for (const stream of this.lingering) stream.abandon();
    for (const socket of this.strangers) socket.destroy();
    const closed = once(this.server, 'close');
    this.server.close();
    await closed;
  }

  /** One incoming connection, from its first byte to the stream it becomes. Never rejects. */
  private async welcome(raw: Socket): Promise<void> {
    raw.on('error', () => {});
    this.strangers.add(raw);
    const oldest = this.strangers.values().next().value;
    if (this.strangers.size > LIMITS.handshakesPending) oldest?.destroy();
    let socket = raw;
    try {
      const options = within(this.clock, LIMITS.handshakeMs);
      const sealed = (await firstByte(raw, options)) === TLS_BYTE;
      if (sealed) socket = await unseal(raw, { ...options, keyOf: (job) => this.permits.keyOf(job) });
      socket.on('error', () => {});
      const { body, rest } = await readHandshake(socket, DIRECTION.hello, options);
      if (this.encrypt && !sealed) throw new PlainError();
      this.begin(socket, parseHello(body), rest);
    } catch (error) {
      const problem = problemOf(error);
      this.count(raw, problem);
      const answer = { ok: false, problem } as const;
      if (error instanceof VersionError)
        farewell(socket, this.clock, encodeHandshake(DIRECTION.answer, answer, error.version));
      else if (error instanceof PlainError)
        farewell(socket, this.clock, encodeHandshake(DIRECTION.answer, answer));
      else socket.destroy();
    } finally {
      this.strangers.delete(raw);
    }
  }

  private begin(stranger: Socket, hello: Hello, early: Buffer): void {
    const { answer, stream } = this.claim(hello);
    if (!answer.ok) this.count(stranger, answer.problem);
    if (stream === 'over') {
      farewell(stranger, this.clock, encodeHandshake(DIRECTION.answer, answer));
      return;
    }
    const socket = withWideReads(stranger);
    socket.write(encodeHandshake(DIRECTION.answer, answer));
    const ends = {
      source: `${socket.remoteAddress}:${socket.remotePort}`,
      target: `${socket.localAddress}:${socket.localPort}`,
    };
    const { job, kind, index, window } = hello;
    const connection = { socket, ends, early, peer: { window, received: hello.received ?? 0 } };
    if (stream !== 'new') {
      this.counters.streamsResumed += 1;
      stream.use(connection);
      return;
    }
    this.counters.streamsAccepted += 1;
    const { clock, log, inbound } = this;
    const id = { job, kind, index };
    this.permits.deliver(this.keep(new FramedStream({ id, clock, log, connection, inbound })));
  }

  settle(): void {
    this.settled = true;
  }

  private claim(hello: Hello): Claim<FramedStream> {
    if (hello.received !== undefined || this.streams.size < LIMITS.dataStreams) {
      const claim = this.permits.claim(hello);
      if (claim.answer.ok || this.settled) return claim;
      const { unknown: _soon, ...answer } = claim.answer;
      return { ...claim, answer };
    }
    return { answer: { ok: false, problem: 'too many streams' }, stream: 'over' };
  }

  private keep(stream: FramedStream): FramedStream {
    this.streams.add(stream);
    this.lingering.add(stream);
    void stream.released.then(() => this.lingering.delete(stream));
    stream.once('close', () => this.streams.delete(stream));
    stream.once('error', (error) => {
      this.log.debug({ stream: stream.id, problem: problemOf(error) }, 'a data stream broke');
    });
    return stream;
  }

  private count(socket: Socket, problem: string): void {
    this.counters.handshakesRefused += 1;
    this.log.warn({ from: socket.remoteAddress, problem }, 'refused a data connection');
  }
}

/** Time for all that a stranger has to say, together. */
function within(clock: Clock, ms: number) {
  const endMs = clock.monotonicMs() + ms;
  return {
    clock,
    get withinMs() {
      return Math.max(1, Math.ceil(endMs - clock.monotonicMs()));
    },
  };
}

class PlainError extends HandshakeError {
  constructor() {
    super('this node takes encrypted connections only (data.encrypt)');
  }
}
