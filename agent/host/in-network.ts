import type { Command } from '../effects/runner.ts';

/** A program in the network namespace of a task, with everything else of the host's. */
export function inNetwork(
  pid: number,
  file: string,
  args: readonly string[],
): Pick<Command, 'file' | 'args'> {
  return { file: 'nsenter', args: [`--net=/proc/${pid}/ns/net`, '--', file, ...args] };
}
