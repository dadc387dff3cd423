import type { Clock } from '../effects/clock.ts';
import type { Command, Runner, RunResult } from '../effects/runner.ts';
import { join } from '../transfer/mod.ts';
import type { DataStream, Meter } from '../transfer/stream.ts';

/** How long an rsync that lost its channel may take to end. */
const END_MS = 3_000;

export interface CarryOptions {
  readonly runner: Runner;
  readonly clock: Clock;
  /** Counts and limits what this end sends. */
  readonly meter: Meter;
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
}

/**
 * Runs one rsync whose fd 3 is joined with a stream to the other one; resolves when it has ended. A stream that breaks ends
 * it. @throws GodwitError TRANSFER_FAILED unless rsync itself says what went wrong
 */
export async function carry(
  command: Pick<Command, 'file' | 'args'>,
  stream: DataStream,
  { runner, clock, meter, signal, deadlineMs }: CarryOptions,
): Promise<RunResult> {
  const child = runner.start({ ...command, deadlineMs, signal, channel: true });
  const { channel } = child;
  if (!channel) throw new Error('a child without its channel');
  let forget: () => void = () => {};
  const joined = join(channel, () => Promise.resolve(stream), { meter, signal }).then(
    () => undefined,
    (error: unknown) => {
      // Without its channel it ends by itself, and may have heard from the other one why.
      forget = clock.after(END_MS, () => child.kill('SIGKILL'));
      return error;
    },
  );
  const result = await child.ended;
  forget();
  // Both ends of it are gone with the child; what is still under way is delivered.
  const broken = await joined;
  signal.throwIfAborted();
  if (result.exitCode === null && broken !== undefined) throw broken;
  return result;
}
