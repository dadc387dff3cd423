import { LIMITS } from '../../protocol/limits.ts';

/** Frame types on the wire (protocol/adr/0004-data-port.md). */
export const FRAME = { data: 1, ack: 2, end: 3, error: 4, reset: 5, done: 6 } as const;

export type FrameType = (typeof FRAME)[keyof typeof FRAME];

/** Type, flags, reserved (2), payload length (4), offset (8). */
export const FRAME_HEADER_BYTES = 16;

/** Payload of an ack: the window. */
const ACK_BYTES = 4;
const TWO_32 = 2 ** 32;

/** The header of one frame; `offset` counts bytes of the stream in the direction of the data it speaks of. */
export function encodeHeader(type: FrameType, length: number, offset: number): Buffer {
  return writeHeader(Buffer.allocUnsafe(FRAME_HEADER_BYTES), type, length, offset);
}

/** An ack: the reader took everything before `offset`, and the peer may send up to `offset + window`. */
export function encodeAck(offset: number, window: number): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + ACK_BYTES);
  writeHeader(frame, FRAME.ack, ACK_BYTES, offset);
  frame.writeUInt32BE(window, FRAME_HEADER_BYTES);
  return frame;
}

/** An error frame; the text is cut to what the limits allow. */
export function encodeError(text: string, offset: number): Buffer {
  const payload = Buffer.from(text, 'utf8').subarray(0, LIMITS.streamErrorBytes);
  return Buffer.concat([encodeHeader(FRAME.error, payload.length, offset), payload]);
}

function writeHeader(frame: Buffer, type: FrameType, length: number, offset: number): Buffer {
  frame[0] = type;
  frame[1] = 0;
  frame[2] = 0;
  frame[3] = 0;
  frame.writeUInt32BE(length, 4);
  frame.writeUInt32BE(Math.floor(offset / TWO_32), 8);
  frame.writeUInt32BE(offset % TWO_32, 12);
  return frame;
}

/** A decoded header. */
export interface FrameHeader {
  readonly type: FrameType;
  readonly length: number;
  readonly offset: number;
}

/** Thrown when a peer breaks the wire format; its message says how. */
export class ProtocolViolation extends Error {
  override readonly name = 'ProtocolViolation';
}

/** Reads and checks one header: known type, no unknown flags, a length that this type may have. @throws ProtocolViolation */
export function decodeHeader(bytes: Buffer): FrameHeader {
  const type = bytes[0] as FrameType;
  const length = bytes.readUInt32BE(4);
  const high = bytes.readUInt32BE(8);
  if (bytes[1] !== 0 || bytes[2] !== 0 || bytes[3] !== 0) throw new ProtocolViolation('unknown flags');
  if (high > 0x1fffff) throw new ProtocolViolation('an offset beyond 2^53');
  const bounds = LENGTHS.get(type);
  if (bounds === undefined) throw new ProtocolViolation(`unknown frame type ${type}`);
  if (length < bounds[0] || length > bounds[1]) {
    throw new ProtocolViolation(`a frame of type ${type} with ${length} bytes`);
  }
  return { type, length, offset: high * TWO_32 + bytes.readUInt32BE(12) };
}

const LENGTHS: ReadonlyMap<number, readonly [min: number, max: number]> = new Map([
  [FRAME.data, [1, LIMITS.frameBytes]],
  [FRAME.ack, [ACK_BYTES, ACK_BYTES]],
  [FRAME.end, [0, 0]],
  [FRAME.error, [0, LIMITS.streamErrorBytes]],
  [FRAME.reset, [0, 0]],
  [FRAME.done, [0, 0]],
]);
