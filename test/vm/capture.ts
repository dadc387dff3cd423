import { Readable, Writable } from 'node:stream';
import { execute } from './channel.ts';
import type { Machine } from './machine.ts';

/** How a command in a guest ended, and what it said. */
export interface Captured {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command in a guest to its end. Rejects when it takes longer, or the guest is gone. */
export async function capture(
  machine: Machine,
  argv: readonly string[],
  { input, seconds }: { readonly input?: string | undefined; readonly seconds: number },
): Promise<Captured> {
  const [stdout, stderr] = [collector(), collector()];
  const streams = {
    stdout,
    stderr,
    ...(input === undefined ? {} : { stdin: Readable.from([Buffer.from(input)]) }),
  };
  const exitCode = await withDeadline(execute(machine, argv, streams), seconds);
  return { exitCode, stdout: stdout.text(), stderr: stderr.text() };
}

/** Rejects when the guest gives no answer for so long. */
export async function withDeadline<Value>(work: Promise<Value>, seconds: number): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`the guest gave no answer within ${seconds} s`)),
      seconds * 1000,
    );
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

function collector(): Writable & { text(): string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk, _, done) {
      chunks.push(chunk);
      done();
    },
  });
  return Object.assign(stream, { text: () => Buffer.concat(chunks).toString() });
}
