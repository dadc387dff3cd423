import { LIMITS } from '../../../protocol/mod.ts';
import type { Runner } from '../../effects/runner.ts';
import { inNetwork } from '../../host/in-network.ts';
import type { OpenFile } from './files.ts';

/** One socket the container holds. */
export interface SocketFacts {
  readonly pid: number;
  readonly fd: number;
  readonly inode: number;
  /** The kernel's name of its protocol (`TCP`, `UNIX-STREAM`, `AF_VSOCK`, `MPTCP` …); undefined when unknown. */
  readonly protocol?: string;
}

/** A connected pair of unix sockets, by inode. */
export interface UnixPair {
  readonly inode: number;
  readonly peer: number;
  readonly path: string;
}

/** The look's signal ends them before; what they did not say in time must count as not looked at. */
const CHILD_MS = LIMITS.lookMs + LIMITS.lookTaskMs * LIMITS.lookTasks;
/** Sockets named in one child: keeps its argument list far below the kernel's limit. */
const BATCH = 2_000;

/** Node has no getxattr, and `system.sockprotoname` is the one place where the kernel says a socket's family. */
const NAMER = `
my %call = (x86_64 => 191, aarch64 => 8, ppc64le => 212, s390x => 227, riscv64 => 8);
my $number = $call{shift @ARGV} or exit 3;
for my $path (@ARGV) {
  my $value = "\\0" x 64; my $name = "system.sockprotoname";
  my $length = syscall($number, $path, $name, $value, 64);
  print $length > 0 ? unpack("Z*", $value) : "?", "\\n";
}`;

/** The sockets among `files`, each inode once, with their protocols as far as they can be known (needs perl). */
export async function nameSockets(
  runner: Runner,
  files: readonly OpenFile[],
  machine: string,
  signal: AbortSignal,
): Promise<SocketFacts[]> {
  const sockets = new Map<number, SocketFacts>();
  for (const { pid, fd, link } of files) {
    const inode = Number(/^socket:\[(\d+)\]$/.exec(link)?.[1]);
    if (Number.isSafeInteger(inode) && !sockets.has(inode)) sockets.set(inode, { pid, fd, inode });
  }
  const all = [...sockets.values()];
  const named: SocketFacts[] = [];
  for (let start = 0; start < all.length; start += BATCH) {
    const batch = all.slice(start, start + BATCH);
    const paths = batch.map(({ pid, fd }) => `/proc/${pid}/fd/${fd}`);
    const result = await runner.run({
      file: 'perl',
      args: ['-e', NAMER, machine, ...paths],
      deadlineMs: CHILD_MS,
      signal,
    });
    const names = result.exitCode === 0 ? result.stdout.split('\n') : [];
    for (const [index, socket] of batch.entries()) {
      const protocol = names[index];
      named.push(protocol && protocol !== '?' ? { ...socket, protocol } : socket);
    }
  }
  return named;
}

/** Connected unix sockets of the network namespace of `pid`, by the kernel's socket diagnosis (needs ss of iproute2). */
export async function unixPairs(runner: Runner, pid: number, signal: AbortSignal): Promise<UnixPair[]> {
  const command = inNetwork(pid, 'ss', ['-H', '-x', '-a', '-n']);
  const result = await runner.run({ ...command, deadlineMs: CHILD_MS, signal });
  return result.exitCode === 0 ? parsePairs(result.stdout) : [];
}

/** Lines of `ss -H -x -a -n`: `u_str ESTAB 0 0 PATH|* INODE * PEER`; a peer 0 is none (or still in a backlog). */
export function parsePairs(output: string): UnixPair[] {
  return output.split('\n').flatMap((line) => {
    const match = /^u_\w+\s+\S+\s+\d+\s+\d+\s+(.*?)\s+(\d+)\s+(\S.*?)\s+(\d+)(\s.*)?$/.exec(line.trimEnd());
    if (!match) return [];
    const [, own, inode, peerPath, peer] = match;
    const path = own === '*' ? peerPath : own;
    return peer === '0'
      ? []
      : [{ inode: Number(inode), peer: Number(peer), path: path === '*' ? '' : (path ?? '') }];
  });
}
