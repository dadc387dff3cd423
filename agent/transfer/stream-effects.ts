/** What the core of a stream wants done; its owner does it at once. */
export interface StreamEffects {
  /** Puts bytes on the present connection. `last`: the present write is in them, to its end. */
  send(bytes: readonly Buffer[], last: boolean): void;
  /** The present connection is of no use any more, and why. */
  hangUp(problem: string): void;
  /** Tries to connect once more and tells `attach`, `dialFailed` or `refused`. Only the opener is asked to. */
  dial(withinMs: number): void;
  /** Calls `tick` in so many milliseconds; it takes the place of what was asked for before. */
  wake(ms: number): void;
  /** A piece for the reader, or the end; false: it wants no more until it asks. */
  deliver(chunk: Buffer | null): boolean;
  /** The write that waited for room is on its way. */
  wrote(): void;
  /** The peer's reader has taken everything, the end included. */
  finished(): void;
  /** The stream is broken for good. `tell`: the peer is there to be told. */
  failed(problem: string, tell: boolean): void;
  /** Both ends know that both are done: the connection may go after this last word. */
  over(lastWord: Buffer | undefined): void;
}

/** What the handshake of a connection says of the peer. */
export interface PeerState {
  /** What it has of our bytes, the end counting as one. */
  readonly received: number;
  readonly window: number;
  /** It was done before and has forgotten the stream but for this. */
  readonly done?: boolean | undefined;
}
