/** One reply of RESP2. An error reply is a value here: whether it is right is the caller's question. */
export type Reply = string | number | Buffer | null | Reply[] | RespError;

/** `-ERR …`, as the server said it. */
export class RespError {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

const CRLF = Buffer.from('\r\n');
/** Redis' own bound of one bulk string. */
const BULK_BYTES = 512 * 1024 * 1024;

/** A command as an array of bulk strings. */
export function encodeCommand(parts: readonly (string | Buffer)[]): Buffer {
  const chunks: Buffer[] = [Buffer.from(`*${parts.length}\r\n`)];
  for (const part of parts) {
    const bytes = typeof part === 'string' ? Buffer.from(part) : part;
    chunks.push(Buffer.from(`$${bytes.length}\r\n`), bytes, CRLF);
  }
  return Buffer.concat(chunks);
}

/** Takes bytes as they come and gives whole replies. */
export class RespReader {
  private buffer: Buffer = Buffer.alloc(0);

  /** Adds what was received; returns the replies that are complete now. @throws Error on what is not RESP2 */
  push(chunk: Buffer): Reply[] {
    this.buffer = this.buffer.length === 0 ? chunk : Buffer.concat([this.buffer, chunk]);
    const replies: Reply[] = [];
    let offset = 0;
    for (let parsed = parse(this.buffer, offset); parsed; parsed = parse(this.buffer, offset)) {
      replies.push(parsed.reply);
      offset = parsed.end;
    }
    this.buffer = this.buffer.subarray(offset);
    return replies;
  }
}

/** The reply that starts at `start`, or undefined when more bytes are needed. */
function parse(buffer: Buffer, start: number): { readonly reply: Reply; readonly end: number } | undefined {
  const lineEnd = buffer.indexOf(CRLF, start);
  if (lineEnd < 0) return undefined;
  const line = buffer.toString('utf8', start + 1, lineEnd);
  const end = lineEnd + 2;
  switch (String.fromCharCode(buffer[start] ?? 0)) {
    case '+':
      return { reply: line, end };
    case '-':
      return { reply: new RespError(line), end };
    case ':':
      return { reply: integer(line), end };
    case '$':
      return parseBulk(buffer, integer(line), end);
    case '*':
      return parseArray(buffer, integer(line), end);
    default:
      throw new Error(`not RESP2: ${JSON.stringify(buffer.toString('latin1', start, start + 20))}`);
  }
}

function parseBulk(buffer: Buffer, length: number, start: number) {
  if (length < 0) return { reply: null, end: start };
  if (length > BULK_BYTES) throw new Error(`not RESP2: a string of ${length} bytes`);
  const end = start + length;
  if (buffer.length < end + 2) return undefined;
  if (buffer[end] !== 13 || buffer[end + 1] !== 10) throw new Error('not RESP2: a string without its end');
  return { reply: Buffer.from(buffer.subarray(start, end)), end: end + 2 };
}

function parseArray(buffer: Buffer, length: number, start: number) {
  const replies: Reply[] = [];
  let offset = start;
  for (let index = 0; index < length; index++) {
    const parsed = parse(buffer, offset);
    if (!parsed) return undefined;
    replies.push(parsed.reply);
    offset = parsed.end;
  }
  return { reply: length < 0 ? null : replies, end: offset };
}

function integer(text: string): number {
  if (!/^-?\d+$/.test(text)) throw new Error(`not RESP2: ${JSON.stringify(text)} is no number`);
  return Number(text);
}
