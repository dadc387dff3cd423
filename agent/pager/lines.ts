import type { Socket } from 'node:net';
import type { z } from 'zod';
import { LINE_BYTES } from './messages.ts';

/** Calls `take` for each line of JSON of this form; anything else ends the connection. */
export function readMessages<T>(socket: Socket, schema: z.ZodType<T>, take: (message: T) => void): void {
  let rest = '';
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > LINE_BYTES) socket.destroy();
    for (const line of lines) {
      const message = parse(line, schema);
      if (message === undefined) socket.destroy();
      if (socket.destroyed) return;
      if (message !== undefined) take(message);
    }
  });
}

export function writeMessage(socket: Socket, message: object): void {
  if (!socket.destroyed) socket.write(`${JSON.stringify(message)}\n`);
}

function parse<T>(line: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
