import { LIMITS } from '../../protocol/mod.ts';

/**
 * How the two rsyncs of a pass are called. Both lists are fixed here: the target runs what this node says, whatever the
 * source asks for. `fresh` and `basis` look at everything; the latter compares contents, for what is there may be old, and
 * equal sizes and times prove nothing then. `list` and `patch` look at listed paths only, and believe neither.
 */
export const PARTS = ['fresh', 'basis', 'list', 'patch'] as const;
export type Part = (typeof PARTS)[number];

/** What a database writes at once: smaller pieces cost more to find than to send. */
const BLOCK_BYTES = 8_192;
/** What the client tells the server it can do; both are 3.2.7 at least. */
const WORDS = { fresh: 'r', basis: 'rc', list: 'IR', patch: 'IR' } as const;
const MORE: Readonly<Record<Part, readonly string[]>> = {
  fresh: ['--delete'],
  basis: ['--delete'],
  list: ['--force', '--delete-missing-args'],
  patch: ['--force', '--delete-missing-args', '--inplace', `--block-size=${BLOCK_BYTES}`],
};

/** More than one tree ever has, with those after the rounds and after the freeze. */
const PASSES = 2 * LIMITS.rootfsPasses;

/** A stream of kind `rootfs` is numbered by tree, pass and part. */
export function streamIndex(tree: number, pass: number, part: Part): number {
  return (tree * PASSES + pass) * PARTS.length + PARTS.indexOf(part);
}

/** The tree and the part that a stream carries. */
export function contentOf(index: number): { readonly tree: number; readonly part: Part } {
  return { tree: Math.floor(index / PARTS.length / PASSES), part: PARTS[index % PARTS.length] ?? 'fresh' };
}

/** At both ends. Times count to the nanosecond, which rsync would not look at by itself. */
const COMMON = ['--numeric-ids', '--modify-window=-1'];

/**
 * rsync starts this as its remote shell; fd 3 is the agent's. The words of the far command that follow are ignored. It ends
 * when the other rsync has ended, as rsync expects it; a shell gives its background children no input unless by another number.
 */
const REMOTE_SHELL = 'sh -c "exec 4<&0; cat <&4 >&3 & exec cat <&3 4<&-"';

export interface RsyncRequest {
  readonly part: Part;
  readonly root: string;
  /** In the directory of the job: by this the process is known to be the job's. */
  readonly logFile: string;
}

/** rsync at the source. @param listFile paths below the root, each ended by NUL; for parts that have a list */
export function senderCommand(request: RsyncRequest, listFile: string) {
  const far = [`--rsh=${REMOTE_SHELL}`, ...contentOptions(request.part, listFile)];
  return {
    file: 'rsync',
    args: ['-aHAXS', ...COMMON, ...logOptions(request), ...far, `${request.root}/`, 'peer:/'],
  };
}

/** The same on one node; `stdout` tells what was written. */
export function localCommand(request: RsyncRequest, listFile: string, to: string) {
  // Between directories rsync would write large files anew, whatever has changed of them.
  const near = [
    '--stats',
    '--no-human-readable',
    '--no-whole-file',
    ...contentOptions(request.part, listFile),
  ];
  return {
    file: 'rsync',
    args: ['-aHAXS', ...COMMON, ...logOptions(request), ...near, `${request.root}/`, `${to}/`],
  };
}

function contentOptions(part: Part, listFile: string): string[] {
  const listed = part === 'list' || part === 'patch';
  return [
    ...(part === 'basis' ? ['--checksum'] : []),
    ...(listed ? ['--ignore-times', '--from0', `--files-from=${listFile}`] : []),
    ...MORE[part],
  ];
}

/** rsync at the target, its standard input and output on fd 3. */
export function receiverCommand(request: RsyncRequest) {
  const { part, root } = request;
  const letters = `-lHogDtpAX${WORDS[part]}Se.iLsfxCIvu`;
  const rsync = ['rsync', '--server', letters, ...MORE[part], ...COMMON, ...logOptions(request)];
  return { file: 'sh', args: ['-c', 'exec "$@" <&3 >&3 3>&-', 'sh', ...rsync, '.', `${root}/`] };
}

function logOptions({ logFile }: RsyncRequest): string[] {
  return [`--log-file=${logFile}`, '--log-file-format='];
}
