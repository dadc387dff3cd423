import { createHash } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { Script } from 'node:vm';

const DIGEST_BYTES = 32;

/**
 * A source, compiled; with what V8 has made of it before where that lies beside it and was made of these very bytes: V8 itself looks at
 * their number only. Another V8 refuses it and compiles anew: slower, and otherwise the same. @throws Error when there is no source
 */
export function compiled(file: string): Script {
  const source = readFileSync(file);
  const cachedData = kept(file, source);
  return new Script(source.toString(), { filename: file, ...(cachedData ? { cachedData } : {}) });
}

/** Keeps what V8 has made of a source: of the functions that have run. @throws Error of the file system */
export function keepCompiled(file: string, source: string, script: Script): void {
  writeAnew(besides(file), Buffer.concat([digestOf(Buffer.from(source)), script.createCachedData()]));
}

/** Nobody ever reads half of it. @throws Error of the file system */
export function writeAnew(file: string, content: string | Buffer): void {
  const made = `${file}.${process.pid}`;
  writeFileSync(made, content);
  renameSync(made, file);
}

function kept(file: string, source: Buffer): Buffer | undefined {
  let found: Buffer;
  try {
    found = readFileSync(besides(file));
  } catch {
    return undefined;
  }
  const isOfSource = digestOf(source).equals(found.subarray(0, DIGEST_BYTES));
  return isOfSource ? found.subarray(DIGEST_BYTES) : undefined;
}

function besides(file: string): string {
  return `${file}.compiled`;
}

function digestOf(source: Buffer): Buffer {
  return createHash('sha256').update(source).digest();
}
