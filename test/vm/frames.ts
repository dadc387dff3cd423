/** What a frame between `vm exec` and the guest's server carries. */
export const Frame = { stdin: 0, stdinEnd: 1, stdout: 2, stderr: 3, exit: 4 } as const;

/** First line on a connection, as JSON: what to run, and proof that the caller may. */
export interface Request {
  readonly token: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const HEAD = 5;

/** One frame as it travels: kind, length, payload. */
export function encode(kind: number, payload: Uint8Array = new Uint8Array()): Buffer {
  const head = Buffer.alloc(HEAD);
  head.writeUInt8(kind, 0);
  head.writeUInt32BE(payload.length, 1);
  return Buffer.concat([head, payload]);
}

/** Cuts a byte stream into frames; feed it chunks in order. */
export function decoder(onFrame: (kind: number, payload: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= HEAD) {
      const end = HEAD + rest.readUInt32BE(1);
      if (rest.length < end) return;
      const kind = rest.readUInt8(0);
      const payload = rest.subarray(HEAD, end);
      rest = rest.subarray(end);
      onFrame(kind, payload);
    }
  };
}
