import { LIMITS } from '../../protocol/limits.ts';
import type { FirstPage } from '../transfer/pages/mod.ts';

/** Of so many containers, the ones that were heard of last. */
const CONTAINERS = 256;

/**
 * Which pages containers touched first when they last ran without their memory: most of them are the same the next time,
 * so the next move brings them with the images. A hint, which goes with the agent: without it a move is only slower.
 */
export class FirstPages {
  private readonly known = new Map<string, readonly FirstPage[]>();

  /** What is known of a container (by UUID), the newest first. */
  of(uuid: string): readonly FirstPage[] {
    return this.known.get(uuid) ?? [];
  }

  /** These are newer than what is known; what is too much of both is forgotten. */
  learn(uuid: string, pages: readonly FirstPage[]): void {
    if (pages.length === 0) return;
    const all = new Map([...pages, ...this.of(uuid)].map((one) => [one.join(':'), one] as const));
    this.known.delete(uuid);
    this.known.set(uuid, [...all.values()].slice(0, LIMITS.firstPages));
    for (const oldest of this.known.keys()) {
      if (this.known.size <= CONTAINERS) return;
      this.known.delete(oldest);
    }
  }

  /** The container is elsewhere. */
  forget(uuid: string): void {
    this.known.delete(uuid);
  }
}
