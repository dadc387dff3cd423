import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { GodwitError } from '../../protocol/errors.ts';
import { LIMITS } from '../../protocol/limits.ts';

/**
 * The text of a domain XML file, `-` for standard input; reads no further than the limit, so that a wrong file (or
 * /dev/zero) costs nothing.
 * @throws GodwitError USAGE, MESSAGE_TOO_LARGE
 */
export async function readDocument(file: string, stdin: Readable = process.stdin): Promise<string> {
  const bytes = await readBounded(file, file === '-' ? stdin : createReadStream(file));
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new GodwitError('USAGE', { problem: `${file} is not UTF-8 text` });
  }
}

async function readBounded(file: string, stream: Readable): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of stream) {
      parts.push(Buffer.from(part));
      bytes += parts.at(-1)?.length ?? 0;
      if (bytes > LIMITS.domainXmlBytes) break;
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new GodwitError('USAGE', { problem: `${file} cannot be read: ${reason}` }, { cause: error });
  }
  if (bytes > LIMITS.domainXmlBytes) {
    throw new GodwitError('MESSAGE_TOO_LARGE', { subject: file, bytes, limitBytes: LIMITS.domainXmlBytes });
  }
  return Buffer.concat(parts);
}
