import { join } from 'node:path';
import { hostFailed } from '../../host/failure.ts';
import { kernelText } from '../../host/kernel-text.ts';

/** A socket that listens, in the kernel's table: "inode: refs protocol FLAGS type state inode PATH". */
const LISTENS = '00010000';
/** sun_path has 108 bytes; of a name that does not fit into them LXC takes a hash. */
const NAME_BYTES = 100;

/**
 * Whether LXC has a monitor for this container: its command socket is what lxc-info itself asks, and without it lxc-info says
 * STOPPED (src/lxc/commands_utils.c: lxc_make_abstract_socket_name). Undefined when the name is too long to tell. @throws GodwitError HOST_FAILED
 */
export async function hasMonitor(
  { lxcPath, socketTable }: { readonly lxcPath: string; readonly socketTable: string },
  name: string,
): Promise<boolean | undefined> {
  const socket = join(lxcPath, name, 'command');
  if (Buffer.byteLength(socket) > NAME_BYTES) return undefined;
  const suffix = ` @${socket}`;
  return tableIn(socketTable)
    .split('\n')
    .some((line) => line.endsWith(suffix) && line.includes(` ${LISTENS} `));
}

function tableIn(file: string): string {
  try {
    return kernelText(file);
  } catch (error) {
    throw hostFailed(`reading ${file}`, error);
  }
}
