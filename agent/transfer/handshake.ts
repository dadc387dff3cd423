import { z } from 'zod';
import { LIMITS } from '../../protocol/limits.ts';
import { isToken } from '../../protocol/names.ts';
import { STREAM_KINDS, type StreamId } from './stream.ts';

/** First bytes of both directions of a data connection. */
const MAGIC = Buffer.from('GDWT', 'latin1');
/** The wire format's version; a connection of another version is refused before anything else of it is read. */
export const DATA_VERSION = 2;
/** Magic (4), version (1), direction (1), body length (2). */
export const PREAMBLE_BYTES = 8;
/** Who speaks: a preamble reflected to its sender is not taken for an answer. */
export const DIRECTION = { hello: 1, answer: 2 } as const;

export type Direction = (typeof DIRECTION)[keyof typeof DIRECTION];

const windowBytes = z.int().min(1).max(0xffffffff);
/** Bytes received, and the end if it came, counting as one. */
const received = z.int().min(0);

const helloSchema = z.object({
  job: z.string().refine(isToken),
  kind: z.enum(STREAM_KINDS),
  index: z.int().min(0).max(LIMITS.streamIndexMax),
  token: z.string().min(1).max(LIMITS.tokenChars),
  window: windowBytes,
  /** The opener's own, new for each stream: what its later connections are known by. */
  secret: z.string().min(16).max(LIMITS.tokenChars),
  /** Counts the connections that the opener tried; the highest is the one that counts. */
  attempt: z.int().min(1),
  /** Only when the port has let this stream in before: it goes on from here. */
  received: received.optional(),
});

const answerSchema = z.union([
  z.object({ ok: z.literal(true), window: windowBytes, received, done: z.boolean().optional() }),
  z.object({
    ok: z.literal(false),
    problem: z.string().max(LIMITS.streamErrorBytes),
    /** No such job is here, and none will be. */
    unknown: z.boolean().optional(),
  }),
]);

/** What the opener of a stream says first. Unknown keys are ignored. */
export type Hello = z.infer<typeof helloSchema>;
/** What the data port answers. */
export type Answer = z.infer<typeof answerSchema>;

/** Thrown for a handshake that is not one; its message says why. */
export class HandshakeError extends Error {
  override readonly name = 'HandshakeError';
}

/** Thrown when the peer speaks another version; a refusal in that version is something it can read. */
export class VersionError extends HandshakeError {
  readonly version: number;

  constructor(version: number) {
    super(`data protocol version ${version}; this node speaks ${DATA_VERSION}`);
    this.version = version;
  }
}

/** The first bytes of a connection: preamble and JSON body. @throws HandshakeError when the body is too long */
export function encodeHandshake(direction: Direction, body: Hello | Answer, version = DATA_VERSION): Buffer {
  const json = Buffer.from(JSON.stringify(body), 'utf8');
  if (json.length > LIMITS.handshakeBytes) throw new HandshakeError('the handshake is too long');
  const preamble = Buffer.alloc(PREAMBLE_BYTES);
  MAGIC.copy(preamble);
  preamble[4] = version;
  preamble[5] = direction;
  preamble.writeUInt16BE(json.length, 6);
  return Buffer.concat([preamble, json]);
}

/**
 * Looks for a whole handshake at the start of `bytes`. Undefined means that more bytes are needed; garbage is refused
 * at its first wrong byte. @throws HandshakeError
 */
export function splitHandshake(
  bytes: Buffer,
  direction: Direction,
): { readonly body: Buffer; readonly rest: Buffer } | undefined {
  const seen = Math.min(bytes.length, MAGIC.length);
  if (bytes.compare(MAGIC, 0, seen, 0, seen) !== 0) throw new HandshakeError('not a godwit data connection');
  const version = bytes[4];
  if (version !== undefined && version !== DATA_VERSION) {
    throw new VersionError(version);
  }
  if (bytes.length > 5 && bytes[5] !== direction) throw new HandshakeError('a reflected handshake');
  if (bytes.length < PREAMBLE_BYTES) return undefined;
  const length = bytes.readUInt16BE(6);
  if (length > LIMITS.handshakeBytes) throw new HandshakeError(`a handshake of ${length} bytes`);
  const end = PREAMBLE_BYTES + length;
  if (bytes.length < end) return undefined;
  return { body: bytes.subarray(PREAMBLE_BYTES, end), rest: bytes.subarray(end) };
}

/** @throws HandshakeError */
export function parseHello(body: Buffer): Hello {
  return parse(helloSchema, body);
}

/** @throws HandshakeError */
export function parseAnswer(body: Buffer): Answer {
  return parse(answerSchema, body);
}

/** One string for a stream of a job: `kind/index`. */
export function streamKey(id: Pick<StreamId, 'kind' | 'index'>): string {
  return `${id.kind}/${id.index}`;
}

function parse<T>(schema: z.ZodType<T>, body: Buffer): T {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    throw new HandshakeError('the handshake is not JSON');
  }
  const result = schema.safeParse(value);
  if (!result.success) throw new HandshakeError('the handshake lacks something or has a wrong value');
  return result.data;
}
