import { LIMITS } from '../../protocol/limits.ts';
import { FrameParser, type FrameSink } from './frame-parser.ts';
import { encodeAck, encodeError, encodeHeader, FRAME, ProtocolViolation } from './frames.ts';
import { Inbox } from './inbox.ts';
import { Outbox, type Piece } from './outbox.ts';
import { Patience } from './patience.ts';
import { Pulse } from './pulse.ts';
import type { PeerState, StreamEffects } from './stream-effects.ts';

/**
 * One end of a framed stream that survives its connections: what is sent, kept, acknowledged and sent again, when to
 * dial, and when to give up (protocol/adr/0004-data-port.md). No I/O, no clock: whoever owns it feeds it with events and
 * performs its effects. The peer never sends more than our window, so everything that arrives can be read.
 */
export class StreamCore {
  private readonly outbox = new Outbox();
  private readonly inbox = new Inbox(LIMITS.streamWindowBytes);
  private readonly patience = new Patience();
  private readonly pulse = new Pulse();
  private readonly opener: boolean;
  private readonly effects: StreamEffects;
  /** `apart`: without a connection. */
  private state: 'linked' | 'apart' | 'over' = 'apart';
  private parser: FrameParser | undefined;
  private writing = false;
  private readerWaits = false;
  private peerEnded = false;
  private endTaken = false;
  private toldFinished = false;
  private dialing = false;

  constructor(opener: boolean, effects: StreamEffects) {
    this.opener = opener;
    this.effects = effects;
  }

  get bytesSent(): number {
    return this.outbox.sent;
  }

  get bytesReceived(): number {
    return this.inbox.received;
  }

  /** What the handshake of the next connection says of this end, the end of the peer's bytes counting as one. */
  get received(): number {
    return this.inbox.received + (this.peerEnded ? 1 : 0);
  }

  /** Bytes in memory: sent and not acknowledged, received and not taken. */
  get kept(): { readonly sent: number; readonly received: number } {
    return { sent: this.outbox.kept, received: this.inbox.received - this.inbox.taken };
  }

  /** Everything was sent and taken, at both ends; the peer may not know yet. */
  get complete(): boolean {
    return this.outbox.done && this.endTaken;
  }

  /** Nothing will happen any more. */
  get isOver(): boolean {
    return this.state === 'over';
  }

  /** One write at a time; `wrote` or the `last` of a `send` ends it. The chunks must not be changed any more. */
  write(chunks: readonly Buffer[]): void {
    this.outbox.put(chunks);
    this.writing = true;
    this.flush();
  }

  end(): void {
    this.outbox.end();
    if (this.state === 'linked') this.sendEnd();
  }

  /** The reader wants more. */
  read(): void {
    this.readerWaits = true;
    while (this.readerWaits) {
      const chunk = this.inbox.take();
      if (chunk === undefined) break;
      this.readerWaits = this.effects.deliver(chunk);
    }
    this.afterTaking();
  }

  /** A connection that went through its handshake is the present one from now on. */
  attach(peer: PeerState): void {
    if (this.state === 'over') return;
    this.state = 'linked';
    this.dialing = false;
    this.pulse.start();
    this.parser = new FrameParser(this.sink, { offset: this.inbox.received, ended: this.peerEnded });
    this.effects.wake(LIMITS.streamHeartbeatMs);
    this.guarded(() => {
      if (peer.done) this.outbox.ack(peer.received, 0);
      const again = this.outbox.again(peer.received);
      this.outbox.open(peer.window);
      this.sendAck();
      for (const piece of again) this.sendPiece(piece, false);
      if (this.outbox.ended && peer.received <= this.outbox.sent) this.sendEnd();
      this.flush();
      if (peer.done) this.peerDone();
      else this.settle();
    });
  }

  /** Bytes from the present connection. */
  push(bytes: Buffer): void {
    this.pulse.hear();
    this.patience.heard();
    this.guarded(() => this.parser?.push(bytes));
  }

  /** The owner reads nothing just now: that nothing comes says nothing of the peer. */
  unread(): void {
    this.pulse.hear();
  }

  /** The present connection broke. */
  lost(problem: string, nowMs: number): void {
    if (this.state !== 'linked') return;
    this.state = 'apart';
    this.parser = undefined;
    this.effects.hangUp(problem);
    if (this.patience.lost(problem, nowMs) && this.opener) this.dial();
    this.waitApart(nowMs);
  }

  /** What `dial` asked for did not work. */
  dialFailed(problem: string, nowMs: number): void {
    if (this.state !== 'apart') return;
    this.dialing = false;
    this.patience.dialFailed(problem);
    this.waitApart(nowMs);
  }

  /** The peer does not go on with this stream. */
  refused(problem: string): void {
    if (this.state === 'apart') this.fail(`${this.patience.refusedText}: ${problem}`, false);
  }

  /** The time that `wake` asked for has come. */
  tick(nowMs: number): void {
    if (this.state === 'linked') {
      this.beat(nowMs);
    } else if (this.state === 'apart') {
      if (this.patience.leftMs(nowMs) === 0) this.fail(this.patience.overText, false);
      else if (this.opener && !this.dialing) this.dial();
      if (this.state === 'apart') this.waitApart(nowMs);
    }
  }

  /** The owner does not want it any more; returns the last word for the peer, if there is one to be said. */
  stop(problem: string | undefined): Buffer | undefined {
    const tell = this.state === 'linked' && !this.complete;
    this.state = 'over';
    this.outbox.clear();
    this.inbox.clear();
    if (!tell) return undefined;
    const { sent } = this.outbox;
    return problem === undefined ? encodeHeader(FRAME.reset, 0, sent) : encodeError(problem, sent);
  }

  private readonly sink: FrameSink = {
    data: (chunk) => this.takeData(chunk),
    ack: (offset, window) => this.takeAck(offset, window),
    end: () => {
      this.peerEnded = true;
      this.afterTaking();
    },
    error: (text) => this.fail(text, false),
    reset: () => this.fail('the peer cancelled the stream', false),
    done: () => this.peerDone(),
  };

  private takeData(chunk: Buffer): void {
    if (this.state === 'over') return;
    if (!this.inbox.fits(chunk.length)) throw new ProtocolViolation('more data than the window allows');
    this.patience.thrive();
    if (this.readerWaits && this.inbox.empty) {
      this.inbox.pass(chunk.length);
      this.readerWaits = this.effects.deliver(chunk);
      this.afterTaking();
    } else {
      this.inbox.add(chunk);
    }
  }

  private takeAck(offset: number, window: number): void {
    if (this.state === 'over') return;
    if (this.outbox.ack(offset, window)) this.patience.thrive();
    this.flush();
    this.settle();
  }

  /** Tells the sender what was taken, when it matters to it; passes the end on when nothing is before it. */
  private afterTaking(): void {
    if (this.state === 'over' || this.endTaken) return;
    if (this.peerEnded && this.inbox.empty) {
      this.endTaken = true;
      this.sendAck();
      this.effects.deliver(null);
      this.settle();
    } else if (this.inbox.ackDue) {
      this.sendAck();
    }
  }

  /** The opener hears last that both are done: it is the one who can ask again. */
  private settle(): void {
    if (this.outbox.done && !this.toldFinished) {
      this.toldFinished = true;
      this.effects.finished();
    }
    if (this.complete && !this.opener && this.state === 'linked') this.finish();
  }

  private peerDone(): void {
    this.settle();
    if (!this.complete || !this.opener) throw new ProtocolViolation('a peer that is done too early');
    this.finish();
  }

  private finish(): void {
    if (this.state === 'over') return;
    this.state = 'over';
    this.effects.over(this.opener ? undefined : encodeHeader(FRAME.done, 0, this.outbox.sent));
  }

  /** Sends as much of the present write as the peer's window allows, a frame at a time. */
  private flush(): void {
    if (this.state !== 'linked') return;
    for (let piece = this.outbox.next(); piece !== undefined; piece = this.outbox.next()) {
      const last = this.outbox.empty;
      if (last) this.writing = false;
      this.sendPiece(piece, last);
    }
    if (this.writing && this.outbox.empty) {
      this.writing = false;
      this.effects.wrote();
    }
  }

  private sendPiece({ offset, size, chunks }: Piece, last: boolean): void {
    this.pulse.say();
    this.effects.send([encodeHeader(FRAME.data, size, offset), ...chunks], last);
  }

  private sendEnd(): void {
    this.pulse.say();
    this.effects.send([encodeHeader(FRAME.end, 0, this.outbox.sent)], false);
  }

  private sendAck(): void {
    if (this.state !== 'linked') return;
    this.inbox.acked();
    this.pulse.say();
    this.effects.send([encodeAck(this.inbox.taken + (this.endTaken ? 1 : 0), this.inbox.window)], false);
  }

  private beat(nowMs: number): void {
    const found = this.pulse.beat();
    if (found === 'gone') {
      this.lost(`the peer was silent for ${LIMITS.streamSilentMs / 1000} s`, nowMs);
      return;
    }
    this.patience.thrive();
    if (found === 'speak') this.sendAck();
    this.effects.wake(LIMITS.streamHeartbeatMs);
  }

  private dial(): void {
    this.dialing = true;
    this.effects.dial(this.patience.dialMs);
  }

  private waitApart(nowMs: number): void {
    const { patience } = this;
    const leftMs = patience.leftMs(nowMs);
    this.effects.wake(this.opener && !this.dialing ? Math.min(leftMs, patience.backoffMs) : leftMs);
  }

  private guarded(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error;
      this.fail(`the peer broke the protocol: ${error.message}`, true);
    }
  }

  private fail(problem: string, tell: boolean): void {
    if (this.state === 'over') return;
    // An opener that is done only waits to hear that its peer knows.
    if (this.complete) this.finish();
    else this.effects.failed(problem, tell);
  }
}
