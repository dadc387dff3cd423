import type { Writable } from 'node:stream';
import type { Meter } from './stream.ts';

/** Writes to a stream with its back-pressure and under a meter. */
export class ByteWriter {
  private readonly sink: Writable;
  private readonly meter: Meter;
  private readonly signal: AbortSignal;

  /** `signal` must abort when the sink breaks: it is what ends a wait. */
  constructor(sink: Writable, meter: Meter, signal: AbortSignal) {
    this.sink = sink;
    this.meter = meter;
    this.signal = signal;
  }

  /** Resolves when there is room for more. Rejects with the signal's reason. */
  async write(chunk: Buffer): Promise<void> {
    this.signal.throwIfAborted();
    if (!this.meter.tryPass(chunk.length)) await this.meter.pass(chunk.length, this.signal);
    if (!this.sink.write(chunk)) await this.drained();
  }

  private drained(): Promise<void> {
    return new Promise((resolve, reject) => {
      const onDrain = (): void => {
        this.signal.removeEventListener('abort', onAbort);
        resolve();
      };
      const onAbort = (): void => {
        this.sink.off('drain', onDrain);
        reject(this.signal.reason);
      };
      this.sink.once('drain', onDrain);
      this.signal.addEventListener('abort', onAbort, { once: true });
      if (this.signal.aborted) onAbort();
    });
  }
}
