import type { ContainerLook } from '../look/look.ts';
import { type Finding, taskName } from './finding.ts';

/** Protocols criu dumps, by the kernel's names (`system.sockprotoname`). */
const DUMPABLE = /^(TCP|UDP|UDPLITE|UDP-Lite|RAW)(v6)?$|^(UNIX|UNIX-STREAM|NETLINK|PACKET)$/;

/** Sockets criu cannot dump: unknown protocols, and unix sockets whose other end is not in the container. */
export function socketFindings(look: ContainerLook): Finding[] {
  const foreign = new Set(look.tasks.filter((task) => !task.inTree).map((task) => task.pid));
  const sockets = look.sockets.filter((socket) => !foreign.has(socket.pid));
  const kinds = sockets.flatMap(({ protocol, pid, fd }): Finding[] =>
    protocol === undefined || DUMPABLE.test(protocol)
      ? []
      : [{ code: 'SOCKET_KIND', what: `${protocol} at fd ${fd} of ${taskName(look, pid)}` }],
  );
  const inside = new Map(sockets.map((socket) => [socket.inode, socket]));
  const pairs = look.unixPairs.flatMap(({ inode, peer, path }): Finding[] => {
    const socket = inside.get(inode);
    if (!socket || inside.has(peer)) return [];
    const name = path === '' ? 'unnamed' : path;
    return [{ code: 'UNIX_OUTSIDE', what: `${name} at fd ${socket.fd} of ${taskName(look, socket.pid)}` }];
  });
  return [...kinds, ...pairs];
}
