import { connect } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { decoder, encode, Frame } from './frames.ts';
import type { Machine } from './machine.ts';

/** Standard streams of a command in a guest. */
export interface Streams {
  readonly stdin?: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

/** Runs a command in a guest; resolves with its exit code, rejects when the guest is gone. */
export function execute(
  machine: Machine,
  argv: readonly string[],
  streams: Streams,
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(machine.port, '127.0.0.1');
    let status: number | undefined;
    socket.setNoDelay();
    socket.write(`${JSON.stringify({ token: machine.token, argv, env })}\n`);
    if (streams.stdin) feed(streams.stdin, socket);
    else socket.write(encode(Frame.stdinEnd));
    socket.on(
      'data',
      decoder((kind, payload) => {
        if (kind === Frame.stdout) streams.stdout.write(payload);
        if (kind === Frame.stderr) streams.stderr.write(payload);
        if (kind === Frame.exit) status = Number(payload);
      }),
    );
    socket.on('error', reject);
    socket.on('close', () => {
      streams.stdin?.destroy();
      if (status === undefined) reject(new Error(`guest ${machine.name} closed the connection`));
      else resolve(status);
    });
  });
}

function feed(from: Readable, socket: Writable): void {
  from.on('data', (chunk: Buffer) => {
    if (socket.write(encode(Frame.stdin, chunk))) return;
    from.pause();
    socket.once('drain', () => from.resume());
  });
  from.on('end', () => socket.write(encode(Frame.stdinEnd)));
}
