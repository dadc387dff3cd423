import type { Compression } from '../../../protocol/mod.ts';
import { hostFailed, wordsOf } from '../../host/failure.ts';
import { type CompressOptions, checkKept, ENDINGS } from './compress.ts';
import { fingerprintOf, sync } from './files.ts';
import type { KeptFile } from './manifest.ts';

/** What rsync brings over in a move, tar has to keep too; and times to the nanosecond. */
const CONTENT = ['--xattrs', '--xattrs-include=*', '--acls', '--numeric-owner'];
const FILTERS = { zstd: 'zstd -q -1 -T0', zlib: 'gzip -1', none: undefined } as const;

/**
 * Puts a directory that nothing changes into one file, and that onto the disk. Sockets are left out: whoever restores a listening one
 * makes it. @throws Error saying why not
 */
export async function archiveTree(
  root: string,
  { name, toDir }: { readonly name: string; readonly toDir: string },
  compression: Compression,
  options: CompressOptions,
): Promise<KeptFile> {
  const kept = `${name}.tar${ENDINGS[compression]}`;
  const to = `${toDir}/${kept}`;
  const making = ['--create', '--format=posix', '--sparse', '--one-file-system', ...CONTENT];
  const problem = await tar(
    [...making, ...filter(compression), `--file=${to}`, `--directory=${root}`, '.'],
    options,
  );
  if (problem !== '') throw new Error(`tar: ${problem}`);
  await sync(to);
  const { bytes, sha256 } = await fingerprintOf(to, options.signal);
  // One set of hashes: a compressed archive that is the same holds the same.
  const print = { bytes, sha256, keptBytes: bytes, keptSha256: sha256 };
  return { name: kept, kept, compression: 'none', ...print };
}

/** The way back, into an empty directory. @throws Error saying what is not as it was written; GodwitError HOST_FAILED */
export async function extractTree(
  dir: string,
  file: KeptFile,
  to: string,
  options: CompressOptions,
): Promise<void> {
  await checkKept(dir, file, options.signal);
  const packed = (Object.keys(ENDINGS) as Compression[]).find(
    (one) => one !== 'none' && file.kept.endsWith(ENDINGS[one]),
  );
  const taking = ['--extract', '--same-owner', '--same-permissions', '--delay-directory-restore', ...CONTENT];
  const from = [`--file=${dir}/${file.kept}`, `--directory=${to}`];
  const problem = await tar([...taking, ...filter(packed ?? 'none'), ...from], options);
  if (problem !== '') throw hostFailed(`unpacking ${file.kept} to ${to}`, problem);
}

function filter(compression: Compression): string[] {
  const program = FILTERS[compression];
  return program === undefined ? [] : [`--use-compress-program=${program}`];
}

/** Resolves with what went wrong; empty when nothing did. */
async function tar(
  args: readonly string[],
  { runner, signal, deadlineMs }: CompressOptions,
): Promise<string> {
  // A group of its own: the filter is to end with it.
  const result = await runner.run({ file: 'tar', args, deadlineMs, signal, detached: true });
  signal.throwIfAborted();
  return result.exitCode === 0 ? '' : wordsOf(result);
}
