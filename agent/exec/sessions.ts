import { GodwitError, LIMITS } from '../../protocol/mod.ts';
import type { Attached } from '../runtime/runtime.ts';
import type { ExecSession } from './session.ts';

export interface Talk {
  readonly session: ExecSession;
  readonly attached: Attached;
}

/** The commands of one node that somebody talks to, in whichever container. They end with their agent. */
export class ExecSessions {
  private readonly talks = new Map<string, Talk & { readonly container: string }>();
  private readonly opening = new Set<Promise<void>>();
  /** Commands that only signals reach. */
  private readonly plain = new Map<string, Attached['signal']>();
  private stopped = false;

  /** @throws GodwitError EXEC_FAILED when there are too many, or the agent stops; and what `begin` throws */
  async open(container: string, id: string, begin: (over: () => void) => Promise<Talk>): Promise<void> {
    if (this.stopped) throw failed(container, 'the agent stops');
    if (this.talks.size + this.opening.size >= LIMITS.execSessions)
      throw failed(container, 'too many commands run on its node');
    const opening = begin(() => void this.talks.delete(id)).then((talk) => {
      this.talks.set(id, { ...talk, container });
    });
    this.opening.add(opening);
    try {
      await opening;
    } finally {
      this.opening.delete(opening);
    }
  }

  /** @throws GodwitError EXEC_FAILED */
  find(container: string, id: string): Talk {
    const found = this.talks.get(id);
    if (found?.container !== container) throw failed(container, 'this command has ended');
    return found;
  }

  /** A command that takes nothing but signals runs as `id`; the answer says that it has ended. */
  begin(container: string, id: string, signal: Attached['signal']): () => void {
    const key = `${container}/${id}`;
    this.plain.set(key, signal);
    return () => void this.plain.delete(key);
  }

  /** How to send it one. */
  signalOf(container: string, id: string): Attached['signal'] | undefined {
    return this.plain.get(`${container}/${id}`);
  }

  /** Kills them all; none begins any more. */
  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.allSettled(this.opening);
    await Promise.all([...this.talks.values()].map(({ session }) => session.kill()));
  }
}

function failed(container: string, problem: string): GodwitError {
  return new GodwitError('EXEC_FAILED', { container, problem });
}
