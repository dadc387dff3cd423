import { stat } from 'node:fs/promises';
import { fieldsOf, type Proc } from './proc.ts';

/** One open descriptor of a task, read without touching what it points to. */
export interface OpenFile {
  readonly pid: number;
  readonly fd: number;
  /** Target of /proc/PID/fd/N: a path, `socket:[N]`, `pipe:[N]`, `anon_inode:[eventpoll]` … */
  readonly link: string;
  /** Mount it was opened through; only for paths. */
  readonly mountId?: number;
  /** Pids that hold locks on it, by fdinfo. */
  readonly lockPids?: readonly number[];
  /** It has a lock that belongs to a process (fcntl), not to an open file. */
  readonly processLock?: true;
  /** Interval of a periodic timerfd. */
  readonly timerMs?: number;
  /** Inodes that an inotify descriptor watches. */
  readonly watched?: readonly number[];
  /** `chr 10:229` or `blk 8:0`, for paths below /dev that are not the usual ones. */
  readonly device?: string;
  /** Space a deleted file without any name takes. */
  readonly ghostBytes?: number;
}

/** Devices of every container that criu knows; they need no closer look. */
const USUAL_DEVICES =
  /^\/dev\/(null|zero|full|random|urandom|tty|ptmx|pts\/(\d+|ptmx)|kmsg|shm\/.*|mqueue\/.*)$/;

/** A file in memory of the kernel's own mounts (memfd, shared anonymous memory, AIO rings): no mount to check. */
export function isKernelFile(link: string): boolean {
  return /^\/(memfd:|secretmem|dmabuf:|dev\/zero \(deleted\)|SYSV[0-9a-f]{8}|anon_hugepage|\[aio\])/.test(
    link,
  );
}

/** Descriptor `fd` of `pid`; undefined when it was closed meanwhile. */
export function readFile(proc: Proc, pid: number, fd: number): OpenFile | undefined {
  const link = proc.link(`proc/${pid}/fd/${fd}`);
  if (!link) return undefined;
  if (link === 'anon_inode:[timerfd]')
    return { pid, fd, link, ...timerInterval(proc.text(`proc/${pid}/fdinfo/${fd}`)) };
  if (/^anon_inode:\[?inotify\]?$/.test(link))
    return { pid, fd, link, watched: watchedInodes(proc.text(`proc/${pid}/fdinfo/${fd}`)) };
  if (!link.startsWith('/') || isKernelFile(link)) return { pid, fd, link };
  const text = proc.text(`proc/${pid}/fdinfo/${fd}`);
  const mountId = fieldsOf(text).get('mnt_id');
  const lockPids = [...text.matchAll(/^lock:\s*\d+: \S+\s+\S+\s+\S+\s+(\d+)/gm)].map((match) =>
    Number(match[1]),
  );
  return {
    pid,
    fd,
    link,
    ...(mountId === undefined ? {} : { mountId: Number(mountId) }),
    ...(lockPids.length > 0 ? { lockPids } : {}),
    ...(/^lock:\s*\d+: POSIX /m.test(text) ? { processLock: true } : {}),
  };
}

/** True when only a stat tells whether criu can carry this file. */
export function needsStat(file: OpenFile): boolean {
  if (!file.link.startsWith('/') || isKernelFile(file.link)) return false;
  return (
    file.link.endsWith(' (deleted)') || (file.link.startsWith('/dev/') && !USUAL_DEVICES.test(file.link))
  );
}

/** Adds what a stat through the descriptor says. The file may lie on a slow disk, so this waits in the thread pool. */
export async function withStat(proc: Proc, file: OpenFile): Promise<OpenFile> {
  const status = await stat(proc.path(`proc/${file.pid}/fd/${file.fd}`)).catch(() => undefined);
  if (!status) return file;
  const number = `${major(status.rdev)}:${minor(status.rdev)}`;
  if (status.isCharacterDevice()) return { ...file, device: `chr ${number}` };
  if (status.isBlockDevice()) return { ...file, device: `blk ${number}` };
  return status.isFile() && status.nlink === 0 ? { ...file, ghostBytes: status.blocks * 512 } : file;
}

function watchedInodes(fdinfo: string): number[] {
  return [...fdinfo.matchAll(/^inotify wd:\S+ ino:([0-9a-f]+) /gm)].map(([, inode]) =>
    Number.parseInt(inode ?? '', 16),
  );
}

function timerInterval(fdinfo: string): Pick<OpenFile, 'timerMs'> {
  const [, seconds, nanoseconds] = /^it_interval: \((\d+), (\d+)\)/m.exec(fdinfo) ?? [];
  const timerMs = Number(seconds ?? 0) * 1000 + Number(nanoseconds ?? 0) / 1_000_000;
  return timerMs > 0 ? { timerMs } : {};
}

function major(device: number): number {
  return (device >>> 8) & 0xfff;
}

function minor(device: number): number {
  return (device & 0xff) | ((device >>> 12) & 0xfff00);
}
