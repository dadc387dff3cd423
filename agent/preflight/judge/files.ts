import { isKernelFile, type OpenFile } from '../look/files.ts';
import type { ContainerLook } from '../look/look.ts';
import { type Finding, taskName } from './finding.ts';

/** Anonymous inodes criu dumps; it refuses every other kind. */
const DUMPABLE_ANON =
  /^(anon_inode:(\[(eventfd|eventpoll|signalfd|timerfd|inotify|fanotify|pidfd)\]|inotify|fanotify|bpf-map)|pidfd:.*)$/;
/** Character devices criu dumps by number: memory devices, terminals, pseudo terminals, tun, autofs. */
const DUMPABLE_CHR = /^chr (1:\d+|4:\d+|5:[012]|1(3[6-9]|4[0-3]):\d+|10:(200|235))$/;
/** What LXC mounts as the console of a container; other devices may lie in its place. */
const PSEUDO_TERMINAL = /^chr 1(3[6-9]|4[0-3]):/;
const NAMESPACE_FILE = /^(mnt|pid|net|uts|ipc|user|cgroup|time):\[\d+\]$/;
const STANDARD_STREAMS = ['stdin', 'stdout', 'stderr'];
/** Longer intervals hardly ever end within a freeze. */
const TIMER_MS = 60_000;
/** criu's default of --ghost-limit. */
const GHOST_BYTES = 1024 * 1024;

/** Open files criu cannot carry. */
export function fileFindings(look: ContainerLook): Finding[] {
  const known = {
    mounts: new Set(look.mounts.map((mount) => mount.id)),
    ownMounts: new Set(look.mounts.filter((mount) => mount.type === 'tmpfs').map((mount) => mount.id)),
    namespaces: new Set(look.tasks.flatMap((task) => Object.values(task.namespaces))),
    outsiders: new Set(look.outsideLockers),
    ghostBytes: ghostLimit(look.criuArgs),
  };
  // What cannot move with the container at all is named once, as a foreign task.
  const foreign = new Set(look.tasks.filter((task) => !task.inTree).map((task) => task.pid));
  const findings = look.files
    .filter((file) => !foreign.has(file.pid))
    .flatMap((file) => judge(look, file, known));
  const rings = look.mappedRings.map(
    (pid): Finding => ({ code: 'IO_URING', what: `mapped by ${taskName(look, pid)}` }),
  );
  return [...findings, ...rings];
}

interface Known {
  readonly mounts: ReadonlySet<number>;
  /** Mounts whose content goes along with the container. */
  readonly ownMounts: ReadonlySet<number>;
  readonly namespaces: ReadonlySet<string>;
  readonly outsiders: ReadonlySet<number>;
  readonly ghostBytes: number;
}

function judge(look: ContainerLook, file: OpenFile, known: Known): Finding[] {
  const { link } = file;
  const where = `${STANDARD_STREAMS[file.fd] ?? `fd ${file.fd}`} of ${taskName(look, file.pid)}`;
  if (file.timerMs !== undefined && file.timerMs < TIMER_MS)
    return [{ code: 'TIMER_PERIODIC', what: `every ${Math.round(file.timerMs)} ms at ${where}` }];
  const events = (file.watched ?? []).flatMap((inode) => look.memoryEvents.get(inode) ?? []);
  if (events.length > 0)
    return events.map((path): Finding => ({ code: 'MEMORY_EVENTS', what: `${path} by ${where}` }));
  if (link === 'anon_inode:[io_uring]') return [{ code: 'IO_URING', what: where }];
  if (link.startsWith('anon_inode:') || link.startsWith('pidfd:'))
    return DUMPABLE_ANON.test(link)
      ? []
      : [{ code: 'ANON_INODE', what: `${link.slice('anon_inode:'.length)} at ${where}` }];
  if (NAMESPACE_FILE.test(link))
    return known.namespaces.has(link) ? [] : [{ code: 'FILE_OUTSIDE', what: `${link} at ${where}` }];
  if (isKernelFile(link))
    return /^\/(secretmem|dmabuf:)/.test(link) ? [{ code: 'ANON_INODE', what: `${link} at ${where}` }] : [];
  if (!link.startsWith('/')) return [];
  return judgePath(file, where, known);
}

function judgePath(file: OpenFile, where: string, known: Known): Finding[] {
  const { link } = file;
  const findings: Finding[] = [];
  if (file.mountId !== undefined && known.mounts.size > 0 && !known.mounts.has(file.mountId))
    findings.push({ code: 'FILE_OUTSIDE', what: `${link} at ${where}` });
  if (file.processLock && !(file.mountId !== undefined && known.ownMounts.has(file.mountId)))
    findings.push({ code: 'LOCK_OF_PROCESS', what: `${link} at ${where}` });
  if (link === '/dev/console' && PSEUDO_TERMINAL.test(file.device ?? ''))
    findings.push({ code: 'CONSOLE_OPEN', what: where });
  if (link === '/dev/tty') findings.push({ code: 'TERMINAL_OPENED', what: where });
  if (file.device !== undefined && !DUMPABLE_CHR.test(file.device))
    findings.push({ code: 'DEVICE_OPEN', what: `${link} (${file.device}) at ${where}` });
  if ((file.ghostBytes ?? 0) > known.ghostBytes)
    findings.push({ code: 'GHOST_TOO_LARGE', what: `${link} of ${file.ghostBytes} bytes at ${where}` });
  if (/^\/.*\/(memory|cpu|io)\.pressure$/.test(link))
    findings.push({ code: 'PRESSURE_WATCH', what: `${link} at ${where}` });
  const outside = file.lockPids?.find((pid) => known.outsiders.has(pid));
  if (outside !== undefined) findings.push({ code: 'LOCK_OUTSIDE', what: `${link} with pid ${outside}` });
  return findings;
}

function ghostLimit(args: readonly string[]): number {
  const index = args.indexOf('--ghost-limit');
  const value = Number(args[index + 1]);
  return index >= 0 && Number.isSafeInteger(value) ? value : GHOST_BYTES;
}
