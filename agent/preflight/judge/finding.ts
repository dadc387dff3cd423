import type { RefusalCode } from '../catalogue.ts';
import type { ContainerLook } from '../look/look.ts';

/** One thing in a container that criu cannot carry. */
export interface Finding {
  readonly code: RefusalCode;
  /** In the reader's words: which process, which object. */
  readonly what: string;
}

/** `redis-server (pid 4711)`; the pid is the node's. */
export function taskName(look: ContainerLook, pid: number): string {
  const task = look.tasks.find((one) => one.pid === pid);
  return `${task?.name ?? 'process'} (pid ${pid})`;
}
