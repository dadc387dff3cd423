import { type ExecReadReply, LIMITS } from '../../protocol/mod.ts';
import type { Clock } from '../effects/clock.ts';
import type { Attached } from '../runtime/runtime.ts';

/** How long a channel is silent before it is taken for drained, and what of a command's own can be in it at most. */
const DRAIN_MS = 300;
const DRAIN_BYTES = 1024 * 1024;

/** A command that somebody talks to over the bus, by one request for each piece of input and output. */
export class ExecSession {
  private readonly attached: Attached;
  private readonly clock: Clock;
  private readonly over: () => void;
  private chunks: Buffer[] = [];
  private heldBytes = 0;
  private receivedBytes = 0;
  private stirs = 0;
  private ended: { readonly exitCode: number; readonly stderr: string } | undefined;
  private wake: () => void = () => {};
  private forget: () => void = () => {};

  /** @param over called once nobody can ask for it any more */
  constructor(attached: Attached, clock: Clock, over: () => void) {
    this.attached = attached;
    this.clock = clock;
    this.over = over;
    const { channel } = attached;
    const closed = new Promise<void>((resolve) => channel.once('close', resolve));
    channel.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk);
      this.heldBytes += chunk.length;
      this.receivedBytes += chunk.length;
      this.stirs += 1;
      // The command waits for its reader, as it would in a pipe.
      if (this.heldBytes >= LIMITS.execInputBytes) channel.pause();
      this.wake();
    });
    channel.once('end', () => channel.end());
    void attached.exited.then(() => this.drain());
    void Promise.all([attached.ended, closed]).then(([ended]) => {
      this.ended = ended;
      this.wake();
    });
    this.watch();
  }

  async read(): Promise<Omit<ExecReadReply, 'type'>> {
    this.watch();
    if (this.chunks.length === 0 && !this.ended) await this.something();
    const stdout = Buffer.concat(this.chunks);
    this.chunks = [];
    this.heldBytes = 0;
    if (this.attached.channel.isPaused()) this.stirs += 1;
    this.attached.channel.resume();
    if (!this.ended) return { stdout: stdout.toString('base64'), stderr: '' };
    this.close();
    const stderr = Buffer.from(this.ended.stderr).subarray(0, LIMITS.execOutputBytes);
    return {
      stdout: stdout.toString('base64'),
      stderr: stderr.toString('base64'),
      exitCode: this.ended.exitCode,
    };
  }

  /** Resolves when the command has taken it, as far as the kernel holds it. */
  async write(data: Buffer): Promise<void> {
    const { channel } = this.attached;
    if (data.length === 0 || channel.destroyed || channel.writableEnded) return;
    if (channel.write(data)) return;
    await new Promise<void>((resolve) => {
      channel.once('drain', resolve).once('close', resolve);
    });
  }

  end(): void {
    this.attached.channel.end();
  }

  /** Nobody hears of it any more, and nothing of it runs on. */
  async kill(): Promise<void> {
    this.close();
    if (!this.ended) await this.attached.kill();
  }

  /** A daemon that the command left behind may hold the channel for ever: the command's own output is what is waited for. */
  private async drain(): Promise<void> {
    const { channel } = this.attached;
    const atExit = this.receivedBytes;
    for (let seen = -1; !channel.destroyed; ) {
      const drained = this.stirs === seen || this.receivedBytes - atExit > DRAIN_BYTES;
      if (drained && !channel.isPaused()) channel.destroy();
      seen = this.stirs;
      await this.clock.sleep(DRAIN_MS);
    }
  }

  private something(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.clock.after(LIMITS.execReadMs, resolve);
      this.wake = () => {
        cancel();
        resolve();
      };
    });
  }

  /** Whoever talked to it may be gone without a word. */
  private watch(): void {
    this.forget();
    this.forget = this.clock.after(LIMITS.execSilentMs, () => void this.kill());
  }

  private close(): void {
    this.forget();
    this.over();
    this.attached.channel.destroy();
  }
}
